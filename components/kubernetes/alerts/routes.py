"""Routes of alerts as Alertmanager's operator takes them (monitoring.coreos.com/v1alpha1 AlertmanagerConfig). Pure functions."""

from collections.abc import Mapping
from typing import Any

import pulumi

from components.contracts import NotificationTopic
from components.kubernetes.alerts.args import AlertsArgs, HearersArgs, PagerDutyReceiver, ReceiverArgs, SlackReceiver, TopicReceiver
from components.kubernetes.manifests import Manifest

API, KIND = "monitoring.coreos.com/v1alpha1", "AlertmanagerConfig"
PAGES = "page|critical"
"""Severities that cannot wait: ours, and that of the rules which the chart brings."""
BACKGROUND = "info|none"
"""Severities by which the chart's rules steer other alerts; they are for nobody."""
WATCHDOG = "Watchdog"
"""The chart's alert that always fires."""
NOBODY = "_nobody"
"""The receiver that tells nobody; a stack file cannot name it so."""
HELD = "address"
"""Key of a receiver's Secret."""
SAME = ("alertname", "namespace", "endpoint", "node", "gpu")
"""Labels by which a page and a ticket are of one thing. Where neither has a label, they are alike in it."""
TEXT = "{{ range .Alerts }}{{ .Annotations.summary }}\n{{ or .Annotations.runbook .Annotations.runbook_url }}\n{{ end }}"


def config(
    args: AlertsArgs, metadata: Manifest, *, secrets: Mapping[str, str], spaces: Mapping[str, str], topic: NotificationTopic | None
) -> Manifest:
    """The whole configuration. `secrets` are names of the Secrets of receivers, `spaces` the namespaces of teams."""
    receivers = [_receiver(name, receiver, secrets.get(name, ""), topic) for name, receiver in args.receivers.items()]
    return {
        "api_version": API,
        "kind": KIND,
        "metadata": metadata,
        "spec": {
            "route": {
                "receiver": args.ticket,
                "groupBy": ["alertname", "namespace", "endpoint"],
                "groupWait": "30s",
                "groupInterval": "5m",
                "repeatInterval": "1d",
                "routes": [
                    _heartbeat(args.heartbeat),
                    {"receiver": NOBODY, "matchers": [_matcher("severity", BACKGROUND, "=~")]},
                    *(_of_team(spaces[team], told) for team, told in args.teams.items()),
                    _pages(args.page),
                ],
            },
            "receivers": [*receivers, {"name": NOBODY}],
            "inhibitRules": [
                {
                    "sourceMatch": [_matcher("severity", "page")],
                    "targetMatch": [_matcher("severity", "ticket")],
                    "equal": list(SAME),
                }
            ],
        },
    }


def _matcher(name: str, value: str, how: str = "=") -> Manifest:
    return {"name": name, "value": value, "matchType": how}


def _pages(receiver: str) -> Manifest:
    return {"receiver": receiver, "matchers": [_matcher("severity", PAGES, "=~")], "groupWait": "10s", "repeatInterval": "1h"}


def _of_team(space: str, told: HearersArgs) -> Manifest:
    return {"receiver": told.ticket, "matchers": [_matcher("namespace", space)], "routes": [_pages(told.page)]}


def _heartbeat(receiver: str | None) -> Manifest:
    """Where the alert goes that always fires; a service which hears it no more raises alarm."""
    beats = {"groupWait": "0s", "groupInterval": "1m", "repeatInterval": "5m"} if receiver else {}
    return {"receiver": receiver or NOBODY, "matchers": [_matcher("alertname", WATCHDOG)], **beats}


def _receiver(name: str, receiver: ReceiverArgs, secret: str, topic: NotificationTopic | None) -> Manifest:
    told: dict[str, pulumi.Input[Any]] = {"sendResolved": True}
    if isinstance(receiver, TopicReceiver):
        assert topic, "the platform's rules see to it that there is a topic"
        return {"name": name, "snsConfigs": [{**told, "topicARN": topic.arn, "sigv4": {"region": topic.region}}]}
    held = {"name": secret, "key": HELD}
    if isinstance(receiver, PagerDutyReceiver):
        return {"name": name, "pagerdutyConfigs": [{**told, "routingKey": held}]}
    if isinstance(receiver, SlackReceiver):
        title = "{{ .CommonLabels.alertname }} ({{ .Status }})"
        return {"name": name, "slackConfigs": [{**told, "apiURL": held, "title": title, "text": TEXT}]}
    return {"name": name, "webhookConfigs": [{**told, "urlSecret": held}]}
