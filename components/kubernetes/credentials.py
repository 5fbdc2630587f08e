"""A user name and a password for something that is given: by reference to a secret store, or as secret leaves."""

from collections.abc import Sequence
from typing import Annotated, Literal

import pulumi
from pydantic import Field, StringConstraints

from components.contracts import SecretKey
from components.kubernetes import manifests
from components.kubernetes.external_secret import external_secret
from components.kubernetes.manifests import Manifest
from components.kubernetes.vocabulary import ObjectName
from components.spec import Secret, Spec

RemoteKey = Annotated[str, StringConstraints(min_length=1, max_length=512)]


class ReferencedCredentials(Spec):
    """Credentials in a secret store that External Secrets already reads. Preferred: nothing secret passes through the stack."""

    kind: Literal["external"]
    """How the credentials come."""
    store: ObjectName
    """Name of the ClusterSecretStore in the cluster."""
    key: RemoteKey
    """The secret's name or path in that store."""
    username_field: RemoteKey = "username"
    """The field that holds the user name or access key id."""
    password_field: RemoteKey = "password"
    """The field that holds the password or secret access key."""


class GivenCredentials(Spec):
    """Credentials as secret leaves of the stack file (`pulumi config set --secret --path`)."""

    kind: Literal["given"]
    """How the credentials come."""
    username: Secret
    """User name or access key id."""
    password: Secret
    """Password or secret access key."""


CredentialsArgs = Annotated[ReferencedCredentials | GivenCredentials, Field(discriminator="kind")]

USERNAME, PASSWORD = "username", "password"
"""Keys of the Secret that is made."""


def bring(
    name: str, args: CredentialsArgs, metadata: Manifest, parent: pulumi.Resource
) -> tuple[SecretKey, SecretKey, Sequence[pulumi.Resource]]:
    """Make the Secret that `metadata` names hold the credentials; (user name, password) in it, and what makes it exist."""
    maker = _copied(name, args, metadata, parent) if isinstance(args, ReferencedCredentials) else _given(name, args, metadata, parent)
    return SecretKey(metadata["name"], USERNAME), SecretKey(metadata["name"], PASSWORD), (maker,)


def _copied(name: str, args: ReferencedCredentials, metadata: Manifest, parent: pulumi.Resource) -> pulumi.Resource:
    return external_secret(
        name,
        metadata,
        store={"kind": "ClusterSecretStore", "name": args.store},
        key=args.key,
        fields={USERNAME: args.username_field, PASSWORD: args.password_field},
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _given(name: str, args: GivenCredentials, metadata: Manifest, parent: pulumi.Resource) -> pulumi.Resource:
    import pulumi_kubernetes as k8s

    values = {USERNAME: pulumi.Output.secret(args.username.reveal()), PASSWORD: pulumi.Output.secret(args.password.reveal())}
    return k8s.core.v1.Secret(name, opts=pulumi.ResourceOptions(parent=parent), **manifests.secret(metadata, values))
