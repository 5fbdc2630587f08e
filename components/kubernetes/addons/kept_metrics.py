"""Retention of metrics in the Prometheus that a stack installs, and its volume."""

from collections.abc import Iterator, Mapping
from typing import Any

from components.kubernetes.vocabulary import quantity
from components.spec import Duration, Problem, Size, Spec, rule

LOOKED_BACK = 3
"""Days that the longest window of an alert looks back."""
FULL = 85
"""Percent of the volume at which the oldest samples go: a full one would stop Prometheus, and compaction needs room."""


class KeptMetricsArgs(Spec):
    """A volume for Prometheus, which outlives its pod: without one every move of the pod forgets what alerts look back on."""

    volume: Size
    """Size of the volume, of the cluster's default storage class. One that is there grows by its claim, not by this."""
    keep: Duration = Duration("15d")
    """How long samples are kept, if the volume is not full before: 3d at least, in whole days."""

    @rule("keep")
    def _alerts_can_look_back(self) -> Iterator[Problem]:
        if self.keep.value % Duration("1d").value or self.keep.days < LOOKED_BACK:
            text = f"is {self.keep}, and alerts look back {LOOKED_BACK} days: say {LOOKED_BACK}d or more, in whole days"
            yield Problem(("keep",), text)

    @rule("volume")
    def _holds_something(self) -> Iterator[Problem]:
        if self.volume.gib < 10:
            yield Problem(("volume",), f"{self.volume} is soon full: say 10GiB or more")


def prometheus(args: KeptMetricsArgs | None) -> Mapping[str, Any]:
    """What the chart is told of it; nothing leaves it to the row of the add-on table, and in the pod."""
    if args is None:
        return {}
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": quantity(args.volume)}}}
    told = {
        "retention": f"{args.keep.days}d",
        "retentionSize": f"{args.volume.value * FULL // 100 // 2**20}MiB",
        "storageSpec": {"volumeClaimTemplate": {"spec": asked}},
    }
    return {"prometheus": {"prometheusSpec": told}}
