"""Rules between alerts and the rest of a stack file. Pure functions."""

from collections.abc import Iterable, Iterator

from components.kubernetes.addons.operators import OperatorsArgs
from components.kubernetes.alerts.args import AlertsArgs, TopicReceiver
from components.spec import Problem
from infra.notes import Note
from infra.reading.faults import did_you_mean


def heard(alerts: AlertsArgs | None, operators: OperatorsArgs, teams: Iterable[str]) -> Iterator[Problem]:
    """Whether the Prometheus is ours whose alerts are routed, and the teams are there that hear some."""
    if alerts and "kube-prometheus-stack" not in operators.install:
        text = "route what another Prometheus tells, and its owners say who hears that"
        yield Problem(("alerts",), f"{text}: remove them, or add kube-prometheus-stack to operators.install")
    known = list(teams)
    for team in alerts.teams if alerts else ():
        if team not in known:
            hint = did_you_mean(team, known) or f"teams are {', '.join(known) or 'none'}"
            yield Problem(("alerts", "teams", team), f"is no team of the platform: {hint}")


def topic(alerts: AlertsArgs | None, *, there: bool) -> Iterator[Problem]:
    """Receivers that are the topic of the stack's alarms, where it has none."""
    for name, receiver in alerts.receivers.items() if alerts and not there else ():
        if isinstance(receiver, TopicReceiver):
            text = "is the topic of the stack's alarms, and there is none: state alarms where this stack makes its cluster on AWS"
            yield Problem(("alerts", "receivers", name), f"{text}, or give it another kind")


def within_reach(alerts: AlertsArgs | None, *, closed: bool) -> Iterator[Problem]:
    """Receivers on the internet, which nothing in a closed network reaches."""
    for name, receiver in alerts.receivers.items() if alerts and closed else ():
        if not isinstance(receiver, TopicReceiver):
            text = f"is of kind {receiver.kind}, on the internet, and nothing leaves the network: use kind sns"
            yield Problem(("alerts", "receivers", name), f"{text}, or let the network out by network.egress")


def notes(operators: OperatorsArgs, alerts: AlertsArgs | None) -> Iterator[Note]:
    """Who hears alerts, where this stack does not say it; and that nobody would know if none were told any more."""
    if "kube-prometheus-stack" not in operators.install:
        text = "of endpoints and GPUs are page or ticket (label severity); who runs Prometheus says who hears them, which is not seen here"
        yield Note("alerts", text)
    elif alerts is None:
        yield Note("alerts", "are heard by nobody: state alerts with receivers for page and ticket")
    elif alerts.heartbeat is None:
        yield Note("alerts", "may cease unnoticed: state alerts.heartbeat, a webhook whose calls are missed")
