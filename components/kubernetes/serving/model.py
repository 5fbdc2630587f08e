"""A registered model, and where its files lie in the model bucket."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import StringConstraints

ModelUri = Annotated[str, StringConstraints(max_length=200, pattern=r"^models:/[a-z0-9]([a-z0-9._\-]*[a-z0-9])?/[1-9][0-9]{0,8}$")]
"""A registered model pinned to a version: models:/<name>/<version>. An alias would change what runs without a change of the stack."""


@dataclass(frozen=True, slots=True)
class Model:
    """Where the files of a registered model lie."""

    name: str
    version: int

    @classmethod
    def parse(cls, uri: str) -> "Model":
        """From models:/<name>/<version>."""
        name, version = uri.removeprefix("models:/").rsplit("/", 1)
        return cls(name, int(version))

    @property
    def prefix(self) -> str:
        """Key prefix in the model bucket, with a trailing slash."""
        return f"models/{self.name}/{self.version}/"
