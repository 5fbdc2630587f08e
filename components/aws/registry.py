"""The model registry's stores on AWS: image repositories, PostgreSQL and an artifact bucket."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from components.aws.bucket import BucketArgs
from components.aws.database import DatabaseArgs
from components.aws.values import Days
from components.spec import Duration, Many, Name, Problem, Spec, rule


class RegistryArgs(Spec):
    """Where models, their history and the platform's images are kept."""

    repositories: Annotated[Many[Name], Field(min_length=1)]
    """Image repositories to make."""
    untagged_after: Days = Duration("14d")
    """Age at which an image that no tag names is removed."""
    artifacts: BucketArgs = BucketArgs()
    """The bucket of run artifacts and registered models."""
    database: DatabaseArgs
    """The PostgreSQL database of runs and models."""
    protect: bool = True
    """Whether the repositories, the artifact bucket and their key refuse deletion."""

    @rule("repositories")
    def _once(self) -> Iterator[Problem]:
        if len(set(self.repositories)) < len(self.repositories):
            yield Problem(("repositories",), "names a repository twice")
