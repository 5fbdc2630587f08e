"""Releases of EKS-optimised images of Amazon Linux 2023, such as 1.35.6-20260714: a Kubernetes version and a day. Pure functions."""

from collections.abc import Iterator
from datetime import date
from functools import cache

from components.catalogue.tables import rows


@cache
def _patches() -> tuple[tuple[str, int, str], ...]:
    """Minor, patch and the day of the first release with it."""
    return tuple((row["minor"], int(row["patch"]), row["since"]) for row in rows("al2023_releases"))


def never_published(release: str) -> Iterator[str]:
    """Why there is no such release of Amazon Linux 2023; nothing for one that may be there, or is later than what is known."""
    version, _, day = release.rpartition("-")
    minor, _, patch = version.rpartition(".")
    if not _is_day(day):
        yield f"names {day}, which is no day: write the release as `aws ssm` or the releases of awslabs/amazon-eks-ami tell it"
        return
    newer = [(known, since) for m, known, since in _patches() if m == minor and known > int(patch) and since <= day]
    if newer:
        known, since = max(newer)
        yield f"was never published: from {since} on images of {minor} are of {minor}.{known} or later; name {minor}.{known}-{since}"


def _is_day(text: str) -> bool:
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True
