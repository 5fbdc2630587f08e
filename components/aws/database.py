"""PostgreSQL on RDS whose password the cloud makes, keeps and rotates."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from components.aws.values import Days, LogRetention
from components.spec import Duration, Size, Spec


def _allocated(size: Size) -> Size:
    if size.value % 2**30 or not 20 <= size.gib <= 65_536:
        raise ValueError('must be whole GiB between 20GiB and 64TiB, such as "50GiB"')
    return size


def _backups(value: Duration) -> Duration:
    if not 7 <= value.days <= 35:
        raise ValueError("must be between 7d and 35d, the most RDS keeps")
    return value


class DatabaseArgs(Spec):
    """The registry's database."""

    instance_class: Annotated[str, Field(pattern=r"^db\.[a-z][a-z0-9-]*\.(micro|small|medium|large|\d{0,2}xlarge)$")]
    """RDS instance class, such as db.r6g.large."""
    postgres: Literal["15", "16", "17"] = "17"
    """Major version of PostgreSQL, quoted; RDS applies minor versions in the maintenance window."""
    storage: Annotated[Size, AfterValidator(_allocated)] = Size("20GiB")
    """Size of the gp3 volume; it can grow but not shrink."""
    multi_zone: bool = False
    """Whether a standby in another zone takes over when the first fails."""
    backup_retention: Annotated[Days, AfterValidator(_backups)] = Duration("7d")
    """How far back the database can be restored to any second: 7d to 35d."""
    log_retention: LogRetention = Duration("365d")
    """How long database logs are kept."""
    protect: bool = True
    """Whether the database refuses deletion; it then also leaves a final snapshot."""
