"""The operators that workloads rely on: which a stack installs, at which versions, and what is found where."""

from typing import Literal

from components.kubernetes.vocabulary import ObjectName
from components.spec import Many, Problem, Spec, rule

OperatorName = Literal["keda", "kube-prometheus-stack", "external-secrets"]


class PrometheusArgs(Spec):
    """A Prometheus that is already there, run by the Prometheus operator."""

    address: str
    """URL of its HTTP interface inside the cluster, such as "http://prometheus.monitoring.svc:9090"."""
    namespace: ObjectName
    """Namespace that it scrapes from; network policies let it in."""


class OperatorsArgs(Spec):
    """Operators: those this stack installs, and where to find what is given. One owner per operator and cluster."""

    install: Many[OperatorName] = ("keda", "kube-prometheus-stack", "external-secrets")
    """Operators that this stack installs at pinned versions; the others must be in the cluster already."""
    prometheus: PrometheusArgs | None = None
    """The Prometheus that is given. Set exactly when kube-prometheus-stack is not installed here."""

    @rule("install", "prometheus")
    def _one_prometheus(self) -> list[Problem]:
        installed = "kube-prometheus-stack" in self.install
        if installed and self.prometheus is not None:
            return [Problem(("prometheus",), "is given, and kube-prometheus-stack is installed too: remove one of them")]
        if not installed and self.prometheus is None:
            return [Problem(("prometheus",), "is missing: say where Prometheus answers, or install kube-prometheus-stack")]
        return []

    @rule("install")
    def _named_once(self) -> list[Problem]:
        twice = sorted({name for name in self.install if self.install.count(name) > 1})
        return [Problem(("install",), f"names {name} twice: remove one") for name in twice]
