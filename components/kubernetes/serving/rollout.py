"""Rollouts of new versions: their arguments, and the object for Argo Rollouts.

Fields and their meaning: argoproj/argo-rollouts v1.9.0, pkg/apis/rollouts/v1alpha1 and utils/replicaset/canary.go.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field

from components.kubernetes.addons.values import GATEWAY_PLUGIN
from components.kubernetes.manifests import Manifest
from components.kubernetes.serving.analysis import GatesArgs
from components.spec import Duration, Many, Percent, Problem, Spec, rule

API, KIND = "argoproj.io/v1alpha1", "Rollout"
HASH = "rollouts-pod-template-hash"
"""The label by which Argo Rollouts tells the pods of versions apart."""
ABORT_DELAY = 30
"""Seconds that pods of a version which failed stay after the last request was sent to them."""
WHOLE = 10_000
"""All requests, in basis points."""


class CanaryArgs(Spec):
    """The new version takes over step by step, watched at each."""

    steps: Annotated[Many[Percent], Field(min_length=1, max_length=20)]
    """Share of requests that the new version has, step by step, in whole percent; the last is 100%.

    Without `traffic` it is the share of replicas, as near as their number allows."""
    hold: Duration = Duration("10m")
    """How long each step is watched, up to 24h; longer than the gates need to tell that a version is bad."""
    surge: Annotated[int, Field(ge=0, le=100)] = 0
    """Replicas above the number that the autoscaler wants, while both versions run; 0 stops an old one for each new one. Without
    `traffic` only."""
    old: Literal["kept", "shrinking"] = "kept"
    """What becomes of the old replicas meanwhile, with `traffic` only: kept takes requests back at once and needs every GPU twice at the
    last step; shrinking gives up what the new version took over, so that a return starts replicas again."""

    @rule("steps")
    def _ascending(self) -> Iterator[Problem]:
        for index, step in enumerate(self.steps):
            if step.value % 100 or not 0 < step.value <= WHOLE:
                yield Problem(("steps", index), f"{step} is no whole percent from 1% to 100%")
        for index, (before, after) in enumerate(pairwise(self.steps), 1):
            if after <= before:
                yield Problem(("steps", index), f"{after} is not more than {before} before it: steps only go up")
        if self.steps and self.steps[-1].value != WHOLE:
            yield Problem(("steps",), f"end at {self.steps[-1]}: add 100%, so that it is watched with every request before it stays")

    @rule("hold")
    def _ends(self) -> Iterator[Problem]:
        if not 1 <= self.hold.seconds <= 86_400:
            yield Problem(("hold",), f"{self.hold} is outside 1s to 24h")


class BlueGreenArgs(Spec):
    """The new version comes up whole beside the old one, and takes over at once."""

    hold: Duration = Duration("5m")
    """How long all its replicas must be seen to answer before requests go to them, up to 24h."""
    keep: Duration = Duration("15m")
    """How long it is watched with all requests while the old replicas are kept to take them back, up to 24h; longer than the gates need
    to tell that a version is bad."""

    @rule("hold", "keep")
    def _ends(self) -> Iterator[Problem]:
        for field in ("hold", "keep"):
            value: Duration = getattr(self, field)
            if not 1 <= value.seconds <= 86_400:
                yield Problem((field,), f"{value} is outside 1s to 24h")


class RolloutArgs(Spec):
    """How a new version takes over, and what turns it back: exactly one of canary and blue_green.

    The gates are the endpoint's own objectives, measured on the pods of the new version alone; what breaks one of them is rolled back.
    """

    canary: CanaryArgs | None = None
    """Step by step."""
    blue_green: BlueGreenArgs | None = None
    """All at once, with both versions whole for a time; needs every GPU twice."""
    gates: GatesArgs = GatesArgs()
    """How the new version is measured."""

    @rule("canary", "blue_green")
    def _one_way(self) -> Iterator[Problem]:
        if (self.canary is None) == (self.blue_green is None):
            yield Problem((), "must have exactly one of canary and blue_green")

    @rule("canary", "blue_green", "gates")
    def _time_to_tell(self) -> Iterator[Problem]:
        least, green = self.gates.least, self.blue_green
        if self.canary:
            yield from self._watched(("canary", "hold"), self.canary.hold, least)
        if green:
            yield from self._watched(("blue_green", "hold"), green.hold, least - self.gates.delay.seconds)
            yield from self._watched(("blue_green", "keep"), green.keep, least)

    def _watched(self, path: tuple[str, str], time: Duration, least: int) -> Iterator[Problem]:
        if time.seconds < least:
            text = f"{time} is less than the {least}s in which the gates tell a bad version from a good one"
            yield Problem(path, f"{text}: lengthen it, or let gates look sooner, or more often")


def at_most(args: RolloutArgs | None, replicas: int, *, weighed: bool) -> int:
    """Most replicas of both versions together while one takes over. `weighed`: the gateway shares requests out."""
    if args is None:
        return replicas
    if args.canary is None:
        return 2 * replicas
    if not weighed:
        return replicas + args.canary.surge
    weights = [0, *(step.value for step in args.canary.steps)]
    if args.canary.old == "kept":
        return replicas + share(replicas, weights[-1])
    return max(share(replicas, after) + share(replicas, WHOLE - before) for before, after in pairwise(weights))


def share(replicas: int, weight: int) -> int:
    """Replicas for a share of requests in basis points, as the controller counts them: rounded up."""
    return -(-replicas * weight // WHOLE)


def rollout(deployment: Manifest, strategy: Manifest) -> Manifest:
    """The Rollout in place of a Deployment. `up` waits for its first replicas; what comes later the controller judges."""
    spec = {key: value for key, value in deployment["spec"].items() if key not in ("strategy", "template")}
    template = deployment["spec"]["template"]
    apart = [{**constraint, "matchLabelKeys": [HASH]} for constraint in template["spec"].get("topologySpreadConstraints", ())]
    template = {**template, "spec": {**template["spec"], "topologySpreadConstraints": apart}}
    metadata = deployment["metadata"]
    annotations = {**metadata.get("annotations", {}), "pulumi.com/waitFor": "condition=Available"}
    return {
        "api_version": API,
        "kind": KIND,
        "metadata": {**metadata, "annotations": annotations},
        "spec": {**spec, "progressDeadlineAbort": True, "strategy": strategy, "template": template},
    }


def strategy(args: RolloutArgs, name: str, *, namespace: str, weighed: bool) -> Manifest:
    """`spec.strategy` for the endpoint of a name, whose Services and AnalysisTemplates are called after it."""
    if args.blue_green:
        return {"blueGreen": _blue_green(args.blue_green, name)}
    assert args.canary, "one of the two, by rule"
    return {"canary": _canary(args.canary, name, namespace if weighed else "")}


def _canary(args: CanaryArgs, name: str, routed: str) -> Manifest:
    """`routed` is the namespace of the route whose weights the controller sets; "" leaves it to the numbers of replicas."""
    steps: list[Manifest] = []
    for step in args.steps:
        steps += [{"setWeight": step.value // 100}, {"pause": {"duration": f"{args.hold.seconds}s"}}]
    # From the first pause on: before it there is no pod of the new version to measure.
    analysis = {"templates": [{"templateName": f"{name}-canary"}], "startingStep": 1, "args": [measured()]}
    if not routed:
        surge = {"maxSurge": args.surge, "maxUnavailable": 0 if args.surge else 1}
        return {"steps": steps, "analysis": analysis, **surge}
    return {
        "steps": steps,
        "analysis": analysis,
        "stableService": name,
        "canaryService": f"{name}-canary",
        "abortScaleDownDelaySeconds": ABORT_DELAY,
        **({"dynamicStableScale": True} if args.old == "shrinking" else {}),  # the controller drops what is false, and a refresh sees it
        "trafficRouting": {"plugins": {GATEWAY_PLUGIN: {"httpRoute": name, "namespace": routed}}},
    }


def _blue_green(args: BlueGreenArgs, name: str) -> Manifest:
    return {
        "activeService": name,
        "previewService": f"{name}-preview",
        "autoPromotionEnabled": True,
        "scaleDownDelaySeconds": args.keep.seconds + ABORT_DELAY,
        "abortScaleDownDelaySeconds": ABORT_DELAY,
        "prePromotionAnalysis": {"templates": [{"templateName": f"{name}-preview"}], "args": [measured()]},
        "postPromotionAnalysis": {"templates": [{"templateName": f"{name}-promoted"}], "args": [measured()]},
    }


def measured() -> dict[str, Any]:
    """The argument of an analysis that names the pods of the new version."""
    return {"name": "version", "valueFrom": {"podTemplateHashValue": "Latest"}}


def second_service(args: RolloutArgs, *, weighed: bool) -> str:
    """Ending of the name of the Service in front of the new version; "" where it needs none."""
    if args.blue_green:
        return "preview"
    return "canary" if weighed else ""
