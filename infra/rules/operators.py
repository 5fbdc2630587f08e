"""Operators that each feature of a platform relies on, and whether they are there. Pure functions."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from components.kubernetes.addons.operators import OperatorName, OperatorsArgs
from components.kubernetes.alerts.args import AlertsArgs, TopicReceiver
from components.kubernetes.gateway.args import GatewayArgs, IssuedCertificate
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
        if endpoint.rollout:
            yield Need("argo-rollouts", f"the rollout of endpoint {name}")


def of_gateway(gateway: GatewayArgs | None) -> Iterator[Need]:
    """What the way in relies on."""
    if gateway:
        yield Need("envoy-gateway", "the gateway")
        if isinstance(gateway.certificate, IssuedCertificate):
            yield Need("cert-manager", "the gateway's certificate")


def of_alerts(alerts: AlertsArgs | None) -> Iterator[Need]:
    """What receivers of alerts rely on."""
    kept = [name for name, receiver in alerts.receivers.items() if not isinstance(receiver, TopicReceiver)] if alerts else []
    if kept:
        yield Need("external-secrets", f"the address of {', '.join(kept)}, which hear alerts")


def unweighed(operators: OperatorsArgs, endpoints: Mapping[str, InferenceEndpointArgs]) -> Iterator[Problem]:
    """Canaries behind the gateway that nothing could send their share of requests; of controllers that others run nothing is known."""
    canaries = [name for name, endpoint in endpoints.items() if endpoint.traffic and endpoint.rollout and endpoint.rollout.canary]
    if canaries and "argo-rollouts" in operators.install and operators.gateway_plugin is None:
        text = f"is missing, and the canary of endpoint {', '.join(canaries)} could not be sent its share of requests"
        yield Problem(("operators", "gateway_plugin"), f"{text}: name the plugin's image by digest, or use blue_green")


def unmet(operators: OperatorsArgs, needs: Iterable[Need]) -> Iterator[Problem]:
    """Operators that something relies on and that are neither installed nor given; each is told once."""
    missing: dict[OperatorName, list[str]] = {}
    for need in needs:
        if not operators.has(need.operator):
            missing.setdefault(need.operator, []).append(need.feature)
    for operator, features in missing.items():
        text = f"lacks {operator}, which is needed for {', '.join(features)}: add it, or name it in operators.given where others run it"
        yield Problem(("operators", "install"), text)
