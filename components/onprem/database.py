"""A PostgreSQL database that someone else runs: what a stack file may say about it, and the contract it keeps."""

from collections.abc import Sequence
from typing import Annotated

import pulumi
from pydantic import Field, StringConstraints

from components.contracts import Context, SecretKey
from components.kubernetes.credentials import CredentialsArgs, bring
from components.kubernetes.vocabulary import Cidr, Hostname, Port
from components.spec import Many, Spec

DatabaseName = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=r"^[a-z_][a-z0-9_]*$")]


class ExistingDatabaseArgs(Spec):
    """A PostgreSQL database that exists. Connections use TLS."""

    host: Hostname
    """DNS name or IPv4 address of the server."""
    port: Port = 5432
    """TCP port of the server."""
    name: DatabaseName
    """Name of the database on the server."""
    addresses: Annotated[Many[Cidr], Field(min_length=1)]
    """Networks in which the server answers; pods are let out to these alone."""
    credentials: CredentialsArgs
    """The database's user and password."""

    @property
    def egress(self) -> tuple[tuple[str, int], ...]:
        """(CIDR, TCP port) pairs that reach the database."""
        return tuple((block, self.port) for block in self.addresses)


class ExistingDatabase:
    """The given PostgreSQL database (contract: Database). It makes only the Secret of its credentials, where it is asked for."""

    def __init__(self, args: ExistingDatabaseArgs, *, context: Context) -> None:
        self.args = args
        self.context = context

    @property
    def host(self) -> pulumi.Output[str]:
        """DNS name or address, without port."""
        return pulumi.Output.from_input(self.args.host)

    @property
    def port(self) -> int:
        """TCP port."""
        return self.args.port

    @property
    def name(self) -> str:
        """Name of the database on the server."""
        return self.args.name

    def credentials(
        self, name: str, namespace: pulumi.Input[str], parent: pulumi.Resource
    ) -> tuple[SecretKey, SecretKey, Sequence[pulumi.Resource]]:
        """(user name, password) in the Secret `<name>-database` of the namespace, and what makes it."""
        secret = f"{name}-database"
        metadata = {"name": secret, "namespace": namespace, "labels": self.context.labels.kubernetes(name, "credentials")}
        return bring(secret, self.args.credentials, metadata, parent)
