"""A PostgreSQL database that someone else runs: what a stack file may say about it, and the contract it keeps."""

from typing import Annotated

from pydantic import Field, StringConstraints

from components.kubernetes.credentials import CredentialsArgs
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
