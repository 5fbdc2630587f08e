"""Platforms of every site, and the rules between endpoints and GPU pools."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar

from pydantic import Field

from components.kubernetes.addons.operators import OperatorsArgs
from components.kubernetes.alerts.args import AlertsArgs
from components.kubernetes.gateway.gateway import GatewayArgs
from components.kubernetes.teams.args import TeamArgs
from components.kubernetes.tracking.server import TrackingServerArgs
from components.spec import Name, Problem, Spec, rule
from infra.notes import Note
from infra.rules import alerts, cold_starts, endpoint_fit, teams, traffic
from infra.rules.between import Node, look_alike, no_pool
from infra.rules.operators import of_alerts, of_endpoints, of_gateway, unmet, unweighed
from infra.stack import Stack


class Common(Stack):
    """The part of a stack file that is the same wherever the platform stands."""

    operators: OperatorsArgs = OperatorsArgs()
    """Operators that workloads rely on."""
    alerts: AlertsArgs | None = None
    """Who hears the alerts of the Prometheus that this stack installs; absent leaves them unheard."""
    tracking: TrackingServerArgs | None = None
    """The tracking server, MLflow, which keeps runs and models in a database; absent is none."""
    teams: dict[Name, TeamArgs] = Field(default_factory=dict)
    """Teams that put endpoints on the platform from stacks of their own, each in a namespace of its own."""
    gateway: GatewayArgs | None = None
    """The way in from outside the cluster, for endpoints with traffic; absent is none."""

    @rule("layer")
    def _holds_the_platform(self) -> Iterator[Problem]:
        if "platform" not in self.layer:
            yield Problem(("layer",), "must hold platform, or be [serving] alone in a file that names the platform it stands on")

    @rule("teams")
    def _teams_told_apart(self) -> Iterator[Problem]:
        yield from look_alike("teams", self.teams)

    @rule("alerts", "operators", "teams")
    def _alerts_heard(self) -> Iterator[Problem]:
        yield from alerts.heard(self.alerts, self.operators, self.teams)

    @rule("gateway", "endpoints")
    def _reached(self) -> Iterator[Problem]:
        yield from traffic.reached(self.gateway, self.endpoints)


class Platform(Common):
    """A platform at some site: what its models have in common, and the rules between endpoints and GPU pools."""

    TEAM_CREDENTIALS: ClassVar[type[Spec]]
    """How the stacks of a team say who they act as."""

    @property
    @abstractmethod
    def pool_names(self) -> Iterable[str]:
        """Names of the cluster's GPU pools."""

    @abstractmethod
    def node(self, pool: str) -> Node | None:
        """What a node of the pool has, or None where the machine is not known."""

    @property
    def nodes(self) -> Mapping[str, Node | None]:
        """What a node of each pool has."""
        return {pool: self.node(pool) for pool in self.pool_names}

    def stands_on(self) -> Mapping[str, Any]:
        """The site."""
        site: Mapping[str, Any] = self.model_dump(mode="json", include={"site"})["site"]
        return site

    def notes(self) -> Iterable[Note]:
        """What there is to know of the platform, for its review."""
        return [*self.endpoint_notes(), *alerts.notes(self.operators, self.alerts)]

    def endpoint_notes(self) -> Iterable[Note]:
        """What there is to know of the endpoints, where they stand."""
        nodes = self.nodes
        return [*cold_starts.notes(self.endpoints, nodes, teams.shares(self.teams)), *endpoint_fit.notes(self.endpoints, nodes)]

    def unadmitted(self, principal: str) -> str:
        """Why somebody cannot be let into the cluster by this stack; empty where they can."""
        return f"{principal!r} cannot be let in by this stack: remove it, and have who runs the cluster put the team into its group"

    def closed(self, now: datetime) -> Iterable[Problem]:
        """What the file names that was bought for a time which is over at `now`."""
        return ()

    @rule("cluster")
    def _pools_told_apart(self) -> Iterator[Problem]:
        for problem in look_alike("pools", self.pool_names):
            yield Problem(("cluster", *problem.path), problem.message)

    @property
    def tells(self) -> bool:
        """Whether there is a topic of the stack's own that people subscribe to."""
        return False

    @rule("alerts")
    def _topic_is_there(self) -> Iterator[Problem]:
        yield from alerts.topic(self.alerts, there=self.tells)

    @rule("operators", "gateway", "endpoints", "alerts")
    def _operators_are_there(self) -> Iterator[Problem]:
        yield from unmet(self.operators, [*of_endpoints(self.endpoints), *of_gateway(self.gateway), *of_alerts(self.alerts)])

    @rule("operators", "endpoints")
    def _canaries_are_weighed(self) -> Iterator[Problem]:
        yield from unweighed(self.operators, self.endpoints)

    @rule("teams", "cluster")
    def _teams_have_room(self) -> Iterator[Problem]:
        yield from teams.room(self.teams, self.nodes)

    @rule("teams", "cluster")
    def _teams_can_come_in(self) -> Iterator[Problem]:
        yield from teams.admission(self.teams, self.unadmitted)

    @rule("endpoints", "cluster")
    def _pools_exist(self) -> Iterator[Problem]:
        known = list(self.pool_names)
        for name, endpoint in self.endpoints.items():
            if endpoint.pool not in known:
                yield Problem(("endpoints", name, "pool"), no_pool(endpoint.pool, known))

    @rule("endpoints", "cluster")
    def _endpoints_fit(self) -> Iterator[Problem]:
        for name, endpoint in self.endpoints.items():
            node = self.node(endpoint.pool) if endpoint.pool in self.pool_names else None
            if node:
                yield from (Problem(("endpoints", name, *path), text) for path, text in endpoint_fit.misfits(endpoint, node))

    @rule("endpoints", "cluster", "teams")
    def _endpoints_start_in_time(self) -> Iterator[Problem]:
        yield from cold_starts.problems(self.endpoints, self.nodes, teams.shares(self.teams))

    @rule("endpoints", "cluster")
    def _pools_suffice(self) -> Iterator[Problem]:
        wanted: dict[str, int] = {}
        for name, endpoint in self.endpoints.items():
            node = self.node(endpoint.pool) if endpoint.pool in self.pool_names else None
            if node and endpoint.gpus > node.gpus:
                continue
            before = wanted.get(endpoint.pool, 0)
            wanted[endpoint.pool] = before + endpoint.gpus_at_most
            if node and before <= node.gpus * node.nodes < wanted[endpoint.pool]:
                have = f"{node.gpus * node.nodes:g} GPUs at most"
                others = f" beside {before} of other endpoints" if before else ""
                asked = f"asks for {endpoint.gpus_at_most} GPUs{traffic.beyond_scale(endpoint)}"
                text = f"{asked}{others}, and pool {endpoint.pool} has {have}"
                yield Problem(("endpoints", name, "scale", "max"), f"{text}: lower it, or let the pool grow")
