"""Which operator each feature of a platform relies on, and that it is there. Pure functions."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from components.kubernetes.addons.operators import OperatorName, OperatorsArgs
from components.kubernetes.serving.endpoint import InferenceEndpointArgs
from components.spec import Problem


@dataclass(frozen=True, slots=True)
class Need:
    """One feature that does nothing without an operator."""

    operator: OperatorName
    feature: str
    """What relies on it, in words that follow "for", such as "the autoscaling of endpoint chat"."""


def of_endpoints(endpoints: Mapping[str, InferenceEndpointArgs]) -> Iterator[Need]:
    """What endpoints rely on."""
    for name, endpoint in endpoints.items():
        yield Need("keda", f"the autoscaling of endpoint {name}")
        if endpoint.nodes > 1:
            yield Need("lws", f"the replicas of endpoint {name}, of {endpoint.nodes} nodes each")


def unmet(operators: OperatorsArgs, needs: Iterable[Need]) -> Iterator[Problem]:
    """Operators that something relies on and that are neither installed nor given; each is told once."""
    missing: dict[OperatorName, list[str]] = {}
    for need in needs:
        if not operators.has(need.operator):
            missing.setdefault(need.operator, []).append(need.feature)
    for operator, features in missing.items():
        text = f"lacks {operator}, which is needed for {', '.join(features)}: add it, or name it in operators.given where others run it"
        yield Problem(("operators", "install"), text)
