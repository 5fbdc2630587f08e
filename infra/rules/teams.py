"""Judgements on the teams of a platform, and on what their stacks put there. Pure functions."""

from collections.abc import Callable, Iterator, Mapping

from components.kubernetes.serving.endpoint import InferenceEndpointArgs
from components.kubernetes.teams.args import TeamArgs
from components.spec import Problem
from infra.rules.between import Node, no_pool
from infra.rules.traffic import beyond_scale


def room(teams: Mapping[str, TeamArgs], nodes: Mapping[str, Node | None]) -> Iterator[Problem]:
    """GPUs that a team is promised and no pool has."""
    for name, team in teams.items():
        for pool, gpus in team.gpus.items():
            place = ("teams", name, "gpus", pool)
            node = nodes.get(pool)
            if pool not in nodes:
                yield Problem(place, no_pool(pool, nodes))
            elif node and gpus > node.gpus * node.nodes:
                yield Problem(place, f"is more than pool {pool} can ever have, {node.gpus * node.nodes:g}: lower it, or let the pool grow")


def shares(teams: Mapping[str, TeamArgs]) -> Mapping[str, int]:
    """GPUs of each pool that teams together may have."""
    return {pool: sum(team.gpus.get(pool, 0) for team in teams.values()) for each in teams.values() for pool in each.gpus}


def admission(teams: Mapping[str, TeamArgs], refusal: Callable[[str], str]) -> Iterator[Problem]:
    """Who cannot be let in, and who would be in two teams, which a cluster that knows a principal once cannot tell apart."""
    seen: dict[str, str] = {}
    for name, team in teams.items():
        for index, principal in enumerate(team.principals):
            place = ("teams", name, "principals", index)
            if text := refusal(principal):
                yield Problem(place, text)
            elif earlier := seen.get(principal):
                yield Problem(place, f"acts for team {earlier} already: give each team a principal of its own")
            seen.setdefault(principal, name)


def promised(team: str, args: TeamArgs, endpoints: Mapping[str, InferenceEndpointArgs]) -> Iterator[Problem]:
    """Endpoints of a team's stack that may grow beyond the GPUs that the platform promises the team."""
    wanted: dict[str, int] = {}
    for name, endpoint in endpoints.items():
        before, most = wanted.get(endpoint.pool, 0), args.gpus.get(endpoint.pool, 0)
        asked = endpoint.gpus_at_most
        wanted[endpoint.pool] = before + asked
        if most == 0:
            listed = f"it may use {', '.join(args.gpus)}" if args.gpus else "it is promised no GPUs"
            yield Problem(("endpoints", name, "pool"), f"is closed to team {team}: {listed}; the platform's teams.{team}.gpus says so")
        elif before <= most < before + asked:
            others = f" beside {before} of other endpoints" if before else ""
            text = f"asks for {asked} GPUs{beyond_scale(endpoint)}{others}, and team {team} may have {most} of pool {endpoint.pool}"
            yield Problem(("endpoints", name, "scale", "max"), f"{text}: lower it, or have the platform's teams.{team}.gpus raised")


def never_asleep(endpoints: Mapping[str, InferenceEndpointArgs]) -> Iterator[Problem]:
    """Endpoints that would sleep in a namespace of several.

    Whether one sleeps is told by the GPUs that its namespace uses, and beside one that is awake it would look broken.
    """
    for name, endpoint in endpoints.items():
        if endpoint.scale.min == 0:
            text = "is 0 in a team's namespace, where nothing tells an endpoint that sleeps from one that is broken: keep 1 or more"
            yield Problem(("endpoints", name, "scale", "min"), f"{text}, or have the platform's own stack hold the endpoint")
