"""Routes of alerts: who is told of what, and by which secret."""

from typing import Any

import pulumi
import pytest

from components.contracts import NotificationTopic
from components.kubernetes.alerts.args import AlertsArgs
from components.kubernetes.alerts.routes import NOBODY, SAME, config
from policies.rules.logging import receiver

ARGS = AlertsArgs.model_validate(
    {
        "page": "on-call",
        "ticket": "topic",
        "heartbeat": "dead-man",
        "receivers": {
            "on-call": {"kind": "pagerduty", "store": "vault", "key": "alerts/pagerduty"},
            "channel": {"kind": "slack", "store": "vault", "key": "alerts/slack"},
            "dead-man": {"kind": "webhook", "store": "vault", "key": "alerts/dead-man"},
            "topic": {"kind": "sns"},
        },
        "teams": {"vision": {"page": "on-call", "ticket": "channel"}},
    }
)
TOPIC = NotificationTopic(pulumi.Output.from_input("arn:aws:sns:us-west-2:111122223333:alarms"), "us-west-2", ())
SECRETS = {"on-call": "alerts-on-call", "channel": "alerts-channel", "dead-man": "alerts-dead-man"}


def spec(args: AlertsArgs = ARGS) -> dict[str, Any]:
    made = config(args, {"name": "alerts", "namespace": "monitoring"}, secrets=SECRETS, spaces={"vision": "team-vision"}, topic=TOPIC)
    found: dict[str, Any] = made["spec"]
    return found


def led(labels: dict[str, str], route: dict[str, Any], above: str = "") -> str:
    """Where Alertmanager leads an alert: into the first route below that matches, as deep as it goes."""
    name = str(route.get("receiver", above))
    for below in route.get("routes", ()):
        if all(matches(labels.get(matcher["name"], ""), matcher) for matcher in below["matchers"]):
            return led(labels, below, name)
    return name


def matches(value: str, matcher: dict[str, str]) -> bool:
    return value in (matcher["value"].split("|") if matcher["matchType"] == "=~" else [matcher["value"]])


@pytest.mark.parametrize(
    ("labels", "heard"),
    [
        ({"severity": "page"}, "on-call"),
        ({"severity": "critical"}, "on-call"),
        ({"severity": "ticket"}, "topic"),
        ({"severity": "warning"}, "topic"),
        ({}, "topic"),
        ({"severity": "info"}, NOBODY),
        ({"alertname": "Watchdog", "severity": "none"}, "dead-man"),
        ({"namespace": "team-vision", "severity": "ticket"}, "channel"),
        ({"namespace": "team-vision", "severity": "page"}, "on-call"),
        ({"namespace": "team-vision", "severity": "info"}, NOBODY),
    ],
)
def test_an_alert_reaches_whom_it_is_for(labels: dict[str, str], heard: str) -> None:
    assert led(labels, spec()["route"]) == heard


@pytest.mark.parametrize("severity", ["page", "ticket"])
def test_the_policy_reads_routes_as_alertmanager_does(severity: str) -> None:
    assert receiver(spec()["route"], severity) == led({"severity": severity}, spec()["route"])


def test_without_a_heartbeat_nobody_is_told_all_the_time_that_all_is_well() -> None:
    quiet = ARGS.model_copy(update={"heartbeat": None})
    assert led({"alertname": "Watchdog", "severity": "none"}, spec(quiet)["route"]) == NOBODY


def test_every_route_leads_to_a_receiver() -> None:
    made = spec()
    known = {each["name"] for each in made["receivers"]}

    def named(route: dict[str, Any]) -> set[str]:
        return {route["receiver"]} | {name for below in route.get("routes", ()) for name in named(below)}

    assert named(made["route"]) == known


def test_nobody_is_no_name_of_a_receiver() -> None:
    with pytest.raises(ValueError, match="pattern"):
        AlertsArgs.model_validate({"page": NOBODY, "ticket": NOBODY, "receivers": {NOBODY: {"kind": "sns"}}})


def test_addresses_are_references_and_no_text() -> None:
    held = {each["name"]: each for each in spec()["receivers"]}
    assert held["on-call"]["pagerdutyConfigs"][0]["routingKey"] == {"name": "alerts-on-call", "key": "address"}
    assert held["channel"]["slackConfigs"][0]["apiURL"] == {"name": "alerts-channel", "key": "address"}
    assert held["dead-man"]["webhookConfigs"][0]["urlSecret"] == {"name": "alerts-dead-man", "key": "address"}
    assert held["topic"]["snsConfigs"][0]["sigv4"] == {"region": "us-west-2"}


def test_a_page_hushes_the_ticket_of_the_same_thing_alone() -> None:
    (rule,) = spec()["inhibitRules"]
    assert (rule["sourceMatch"][0]["value"], rule["targetMatch"][0]["value"]) == ("page", "ticket")
    assert set(rule["equal"]) == set(SAME) >= {"alertname", "namespace", "endpoint", "node", "gpu"}
