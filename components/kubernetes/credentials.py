"""A user name and a password for something that is given: by reference to a secret store, or as secret leaves."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

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
