"""The keeper of a stage's Kubernetes objects: the stand-in, or Pulumi's own provider on real API servers.

Neither knows what the other made: a refresh would take all of it out of the state.
"""

from pathlib import Path
from typing import Final

from rehearsal.checkpoint import states
from rehearsal.comparison import kept_in_cloud
from rehearsal.mending import StageFailed

STAND_IN: Final = "the stand-in"
PROVIDER: Final = "Pulumi's Kubernetes provider"
WAYS: Final = {STAND_IN: "without --cluster", PROVIDER: "with --cluster"}
KEY: Final = "keeper:kubernetes"


def keeper(store: Path) -> str:
    """The keeper that the stage was last used with; "" when it is not known, or the store cannot be read."""
    import sqlite3

    from rehearsal.store import Store  # loads what is known of the SDK's types

    if not store.exists():
        return ""
    try:
        with Store(store) as opened, opened.transaction() as txn:
            return txn.meta(KEY, "")
    except (sqlite3.Error, ValueError):
        return ""


def demand(store: Path, backend: Path, wanted: str) -> None:
    """Remember the keeper; clouds without Kubernetes have none ("").

    Raises StageFailed while a state of any stack in the engine's backend holds Kubernetes objects that another keeper has made.
    """
    if not wanted:
        return
    from rehearsal.store import Store

    held = any(kept_in_cloud(row, {"kubernetes"}) for _, state in states(backend) for row in state.resources)
    with Store(store) as opened, opened.transaction() as txn:
        made_by = txn.meta(KEY, "")
        if held and made_by not in ("", wanted):
            raise StageFailed(_said(made_by, wanted))
        txn.remember(KEY, wanted)


def _said(made_by: str, wanted: str) -> str:
    if made_by not in WAYS:
        return f"the Kubernetes objects of this stage were kept by {made_by} of an earlier version of groundwork: reset the stage"
    return (
        f"the Kubernetes objects of this stage were made {WAYS[made_by]}, and {wanted} would know nothing of them: "
        f"go on {WAYS[made_by]}, or destroy the stack first"
    )
