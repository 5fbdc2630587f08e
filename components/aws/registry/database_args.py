"""Arguments of the registry's database."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from components.aws.values import Days, LogRetention
from components.kubernetes.vocabulary import Namespace, ObjectName
from components.spec import Duration, Name, Problem, Size, Spec, rule


def _allocated(size: Size) -> Size:
    if size.value % 2**30 or not 20 <= size.gib <= 65_536:
        raise ValueError('must be whole GiB between 20GiB and 64TiB, such as "50GiB"')
    return size


def _backups(value: Duration) -> Duration:
    if not 7 <= value.days <= 35:
        raise ValueError("must be between 7d and 35d, the most RDS keeps")
    return value


def _rotation(value: Duration) -> Duration:
    if value.value % 86_400_000 or not 1 <= value.days <= 1000:
        raise ValueError("must be whole days between 1d and 1000d, what Secrets Manager rotates by")
    return value


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOUR = "([01][0-9]|2[0-3]):[0-5][0-9]"
_DAY = f"({'|'.join(DAYS)})"
DailyWindow = Annotated[str, Field(pattern=f"^{_HOUR}-{_HOUR}$")]
WeeklyWindow = Annotated[str, Field(pattern=f"^{_DAY}:{_HOUR}-{_DAY}:{_HOUR}$")]


def minutes(window: str) -> tuple[int, int]:
    """Begin and length of a window in minutes; a weekly window begins after Monday 00:00, one that ends before it begins goes round."""
    parts = [part for end in window.split("-") for part in end.split(":")]
    half = len(parts) // 2
    marks = [parts[:half], parts[half:]]
    at = [(DAYS.index(m[0]) * 1440 if half == 3 else 0) + int(m[-2]) * 60 + int(m[-1]) for m in marks]
    return at[0], (at[1] - at[0]) % (10_080 if half == 3 else 1440)


class DatabaseLogin(Spec):
    """Pods that log in to the database by their IAM role, without a password."""

    namespace: Namespace
    """Namespace of the service account."""
    service_account: ObjectName
    """Name of the service account."""
    user: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]
    """The database user; somebody must have made it and granted it rds_iam."""


class DatabaseArgs(Spec):
    """The registry's database."""

    instance_class: Annotated[str, Field(pattern=r"^db\.[a-z][a-z0-9-]*\.(micro|small|medium|large|[0-9]{0,2}xlarge)$")]
    """RDS instance class, such as db.r6g.large."""
    postgres: Literal["15", "16", "17"] = "17"
    """Major version of PostgreSQL, quoted; RDS applies minor versions in the maintenance window."""
    storage: Annotated[Size, AfterValidator(_allocated)] = Size("20GiB")
    """Size of the gp3 volume; it can grow but not shrink."""
    storage_at_most: Annotated[Size, AfterValidator(_allocated)] | None = None
    """Size up to which RDS lets a full volume grow by itself; absent lets it fill up."""
    backup_window: DailyWindow | None = None
    """When the daily backup is taken, in UTC, such as "03:00-04:00"; absent lets RDS choose. At least 30 minutes."""
    maintenance_window: WeeklyWindow | None = None
    """When RDS may change the instance, in UTC, such as "sun:05:00-sun:06:00"; absent lets RDS choose. At least 30 minutes."""
    insights: Literal["standard", "advanced"] = "standard"
    """Database Insights: standard keeps a week of load; advanced 15 months, locks and plans, at a price per vCPU."""
    rotate_password_after: Annotated[Duration, AfterValidator(_rotation)] | None = None
    """How often Secrets Manager changes the master password: 1d to 1000d; absent keeps the 7 days that RDS sets."""
    logins: dict[Name, DatabaseLogin] = {}
    """Pods that log in by IAM instead of a password."""
    multi_zone: bool = False
    """Whether a standby in another zone takes over when the first fails."""
    backup_retention: Annotated[Days, AfterValidator(_backups)] = Duration("7d")
    """How far back the database can be restored to any second: 7d to 35d."""
    log_retention: LogRetention = Duration("365d")
    """How long database logs are kept."""
    protect: bool = True
    """Whether the database refuses deletion; it then also leaves a final snapshot."""

    @rule("storage", "storage_at_most")
    def _room_to_grow(self) -> Iterator[Problem]:
        if self.storage_at_most and self.storage_at_most.value * 10 < self.storage.value * 11:
            text = f"is less than 10% above storage, {self.storage}, and RDS refuses that: raise it, or remove it"
            yield Problem(("storage_at_most",), text)

    @rule("backup_window", "maintenance_window")
    def _windows_apart(self) -> Iterator[Problem]:
        for name, window in (("backup_window", self.backup_window), ("maintenance_window", self.maintenance_window)):
            if window and not 30 <= minutes(window)[1] <= 1440:
                yield Problem((name,), "must be between 30 minutes and a day long: move its end")
        if not self.backup_window or not self.maintenance_window:
            return
        (daily, long), (weekly, lasting) = minutes(self.backup_window), minutes(self.maintenance_window)
        if (weekly - daily) % 1440 < long or (daily - weekly) % 1440 < lasting:
            text = f"overlaps backup_window, {self.backup_window}, and RDS refuses that: move one of them"
            yield Problem(("maintenance_window",), text)
