"""Arguments of storage."""

from collections.abc import Iterator

from components.aws.storage.buckets import BucketsArgs
from components.aws.storage.classes import TAKEN, BlockClassArgs
from components.aws.storage.lustre import LustreArgs, unreadable
from components.aws.storage.mounts import MountArgs, Mounted
from components.aws.storage.shared import SharedFilesArgs
from components.spec import Name, Problem, rule


class StorageArgs(BucketsArgs):
    """The platform's buckets, and the file systems that pods mount."""

    scratch: LustreArgs | None = None
    """A parallel file system for training (FSx for Lustre)."""
    shared: SharedFilesArgs | None = None
    """A file system that pods of all zones read and write (EFS)."""
    volumes: dict[Name, BlockClassArgs] = {}
    """Storage classes of block volumes beside the default, gp3, by name."""
    mounts: dict[Mounted, MountArgs] = {}
    """Buckets that pods may mount read-only (Mountpoint for Amazon S3), by purpose."""

    @rule("scratch", "mounts", "existing", "raw", "datasets", "features", "models", "checkpoints")
    def _buckets_that_are_there(self) -> Iterator[Problem]:
        links = tuple(self.scratch.links) if self.scratch else ()
        for path, named in ((("scratch", "links"), links), (("mounts",), tuple(self.mounts))):
            for purpose in named:
                if purpose not in self.purposes:
                    yield Problem((*path, purpose), f"names a bucket that there is not: add storage.{purpose}, or remove it")

    @rule("scratch", "raw", "datasets", "features", "models", "checkpoints")
    def _links_can_be_read(self) -> Iterator[Problem]:
        for purpose in self.scratch.links if self.scratch else ():
            tier = unreadable(purpose, self)
            if tier:
                text = f"moves objects to {tier}, where the linked file system cannot read them: use glacier-instant, or drop the link"
                yield Problem((purpose, "tiers", tier), text)

    @rule("volumes")
    def _names_of_their_own(self) -> Iterator[Problem]:
        for name in TAKEN:
            if name in self.volumes:
                yield Problem(("volumes", name), "is a class that clusters have anyway: choose a name of its own, such as fast")
