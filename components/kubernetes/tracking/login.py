"""Log-in to the tracking server: MLflow's own basic-auth app, its first administrator, and the key of its sessions."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import pulumi
from pydantic import Field

from components.contracts import SecretKey
from components.kubernetes import manifests
from components.kubernetes.credentials import PASSWORD, USERNAME, GivenCredentials, ReferencedCredentials, RemoteKey
from components.kubernetes.external_secret import external_secret
from components.kubernetes.manifests import Identity, Manifest
from components.naming import short_hash
from components.spec import Secret, Spec

SESSION_KEY = "session_key"
"""Key, in the Secret that is made, of what MLflow signs its forms with; all replicas must have the same."""
MOUNTED = "/etc/mlflow"
FILE = "basic_auth.ini"
STORE_URI = "postgresql+psycopg2://"
"""Names no host and no user, so no password needs to be escaped into it; SQLAlchemy then leaves all of it to libpq.

Source: SQLAlchemy, dialects/postgresql/psycopg2.py, "Empty DSN Connections / Environment Variable Connections".
"""
VARIABLES: Mapping[str, str] = {
    "MLFLOW_AUTH_ADMIN_USERNAME": USERNAME,
    "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD,
    "MLFLOW_FLASK_SERVER_SECRET_KEY": SESSION_KEY,
}
"""Variables of MLflow to keys of the Secret. Source: mlflow 3.18.0, server/auth/config.py and server/auth/__init__.py."""


class ReferencedLogin(ReferencedCredentials):
    """The administrator and the session key in a secret store. Preferred: nothing secret passes through the stack."""

    session_field: RemoteKey = SESSION_KEY
    """The field that holds the session key: any long random text."""


class GivenLogin(GivenCredentials):
    """The administrator and the session key as secret leaves of the stack file."""

    session_key: Secret
    """The session key: any long random text."""


class LoginArgs(Spec):
    """Log-in by user name and password. The administrator is made once; a later change of the password goes through MLflow itself."""

    administrator: Annotated[ReferencedLogin | GivenLogin, Field(discriminator="kind")]
    """The first user, who makes the others."""
    default_permission: Literal["READ", "EDIT", "MANAGE", "NO_PERMISSIONS"] = "READ"
    """What every user may do with what nobody gave them rights to."""


def configuration(identity: Identity, args: LoginArgs) -> Manifest:
    """The ConfigMap of the basic-auth app, named by its content so that a change restarts the pods. It holds no secret.

    Users live in the tracking database: from MLflow 3.6 on the app keeps a version table of its own (mlflow pull request 18384).
    """
    text = f"[mlflow]\ndefault_permission = {args.default_permission}\ndatabase_uri = {STORE_URI}\n"
    return {"metadata": identity.metadata(f"{identity.name}-login-{short_hash(text)}"), "data": {FILE: text}, "immutable": True}


def secret(
    name: str, args: LoginArgs, metadata: Manifest, opts: pulumi.ResourceOptions
) -> tuple[Mapping[str, SecretKey], Sequence[pulumi.Resource]]:
    """Make the Secret that `metadata` names; the variables that refer to it, and what makes it exist."""
    import pulumi_kubernetes as k8s

    chosen = args.administrator
    made: pulumi.Resource
    if isinstance(chosen, ReferencedLogin):
        fields = {USERNAME: chosen.username_field, PASSWORD: chosen.password_field, SESSION_KEY: chosen.session_field}
        made = external_secret(
            name, metadata, store={"kind": "ClusterSecretStore", "name": chosen.store}, key=chosen.key, fields=fields, opts=opts
        )
    else:
        given = {USERNAME: chosen.username, PASSWORD: chosen.password, SESSION_KEY: chosen.session_key}
        values = {key: pulumi.Output.secret(value.reveal()) for key, value in given.items()}
        made = k8s.core.v1.Secret(name, opts=opts, **manifests.secret(metadata, values))
    return {variable: SecretKey(metadata["name"], key) for variable, key in VARIABLES.items()}, (made,)
