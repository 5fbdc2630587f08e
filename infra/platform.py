"""What every platform has, wherever it stands, and the rules between endpoints and GPU pools."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from components.kubernetes.addons.operators import OperatorsArgs
from components.kubernetes.serving.endpoint import InferenceEndpointArgs
from components.kubernetes.tracking.server import TrackingServerArgs
from components.spec import Many, Name, Problem, Spec, rule
from infra import endpoint_fit
from infra.between import Node, look_alike, repeated
from infra.faults import did_you_mean
from infra.notes import Note
from infra.operator_rules import of_endpoints, unmet


class Common(Spec):
    """The part of a stack file that is the same wherever the platform stands."""

    tier: Literal["production", "nonproduction"]
    """What the stack is for. Rules of the policy packs read it; components never do."""
    owner: Name
    """The team that answers for the stack; on every tag and label."""
    layer: Annotated[Many[Literal["platform", "serving"]], Field(min_length=1)]
    """Layers that the stack holds: platform is the site with its tracking server, serving is the endpoints."""
    compliance: Many[Literal["hipaa", "soc2"]] = ()
    """Frameworks whose controls are judged."""
    operators: OperatorsArgs = OperatorsArgs()
    """Operators that workloads rely on."""
    tracking: TrackingServerArgs
    """The tracking server, MLflow."""
    endpoints: dict[Name, InferenceEndpointArgs] = Field(default_factory=dict)
    """Models that are served, by name."""

    @rule("layer")
    def _layers(self) -> Iterator[Problem]:
        if "platform" not in self.layer:
            yield Problem(("layer",), "must hold platform: a stack of serving alone is not supported yet")
        yield from repeated("layer", self.layer)

    @rule("compliance")
    def _frameworks_once(self) -> Iterator[Problem]:
        yield from repeated("compliance", self.compliance)

    @rule("layer", "endpoints")
    def _serving(self) -> Iterator[Problem]:
        if self.endpoints and "serving" not in self.layer:
            yield Problem(("endpoints",), "stand in a stack without the serving layer: add serving to layer, or remove them")
        if not self.endpoints and "serving" in self.layer:
            yield Problem(("layer",), "holds serving, but there are no endpoints: add some, or remove serving")

    @rule("endpoints")
    def _endpoints_told_apart(self) -> Iterator[Problem]:
        yield from look_alike("endpoints", self.endpoints)


class Platform(Common):
    """A platform at some site: what its models have in common, and the rules between endpoints and GPU pools."""

    @property
    @abstractmethod
    def pool_names(self) -> Iterable[str]:
        """Names of the cluster's GPU pools."""

    @abstractmethod
    def node(self, pool: str) -> Node | None:
        """What a node of the pool has, or None where the machine is not known."""

    def notes(self) -> Iterable[Note]:
        """What there is to know of the platform, for its review."""
        return endpoint_fit.notes(self.endpoints, {pool: self.node(pool) for pool in self.pool_names})

    def closed(self, now: datetime) -> Iterable[Problem]:
        """What the file names that was bought for a time which is over at `now`."""
        return ()

    @rule("cluster")
    def _pools_told_apart(self) -> Iterator[Problem]:
        for problem in look_alike("pools", self.pool_names):
            yield Problem(("cluster", *problem.path), problem.message)

    @rule("operators", "endpoints")
    def _operators_are_there(self) -> Iterator[Problem]:
        yield from unmet(self.operators, of_endpoints(self.endpoints))

    @rule("endpoints", "cluster")
    def _pools_exist(self) -> Iterator[Problem]:
        known = list(self.pool_names)
        for name, endpoint in self.endpoints.items():
            pool = endpoint.pool
            if pool not in known:
                near = did_you_mean(pool, known)
                listed = f"pools are {', '.join(known)}" if known else "the cluster has none"
                yield Problem(("endpoints", name, "pool"), f"names no pool of the cluster: {near or listed}")

    @rule("endpoints", "cluster")
    def _endpoints_fit(self) -> Iterator[Problem]:
        for name, endpoint in self.endpoints.items():
            node = self.node(endpoint.pool) if endpoint.pool in self.pool_names else None
            if node:
                yield from (Problem(("endpoints", name, *path), text) for path, text in endpoint_fit.misfits(endpoint, node))

    @rule("endpoints", "cluster")
    def _pools_suffice(self) -> Iterator[Problem]:
        wanted: dict[str, int] = {}
        for name, endpoint in self.endpoints.items():
            node = self.node(endpoint.pool) if endpoint.pool in self.pool_names else None
            if node and endpoint.gpus > node.gpus:
                continue
            before = wanted.get(endpoint.pool, 0)
            wanted[endpoint.pool] = before + endpoint.gpus * endpoint.nodes * endpoint.scale.max
            if node and before <= node.gpus * node.nodes < wanted[endpoint.pool]:
                have = f"{node.gpus * node.nodes:g} GPUs at most"
                others = f" beside {before} of other endpoints" if before else ""
                text = f"asks for {endpoint.gpus * endpoint.nodes * endpoint.scale.max} GPUs{others}, and pool {endpoint.pool} has {have}"
                yield Problem(("endpoints", name, "scale", "max"), f"{text}: lower it, or let the pool grow")
