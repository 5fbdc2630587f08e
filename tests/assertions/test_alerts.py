"""Every alert of every stack reaches somebody: it says how urgent it is and what to do, and a route leads it to people who can be told."""

import json
import re
from pathlib import Path

import pytest

from components.kubernetes.addons.kept_metrics import LOOKED_BACK
from policies.rules.logging import severities, tells
from tests.assertions.graphs import STACKS, graph, platform
from tests.assertions.queries import CUSTOM, rules
from tests.assertions.test_operators import before

ROOT = Path(__file__).parents[2]
ROUTES = "kubernetes:monitoring.coreos.com/v1alpha1:AlertmanagerConfig"
EXTERNAL, ASSOCIATION = "kubernetes:external-secrets.io/v1:ExternalSecret", "aws:eks/podIdentityAssociation:PodIdentityAssociation"


def ours(stack: str) -> bool:
    """Whether a stack, or the platform below it, installs the Alertmanager that hears its alerts."""
    return "kube-prometheus-stack" in platform(stack).operators.install


def wanted(stack: str) -> set[str]:
    """Severities of a stack's alerts."""
    return {severity for rule in graph(stack).of_type(CUSTOM) for severity in severities(rule)}


def below(stack: str, name: str) -> bool:
    return f"platform: {name}\n" in STACKS[stack].read_text(encoding="utf-8")


@pytest.mark.parametrize("stack", STACKS)
def test_every_alert_says_how_urgent_it_is_and_what_to_do_about_it(stack: str) -> None:
    for resource in graph(stack).of_type(CUSTOM):
        for rule in (rule for rule in rules(resource) if "alert" in rule):
            page = (ROOT / rule["annotations"]["runbook"]).read_text(encoding="utf-8")
            assert rule["labels"]["severity"] in ("page", "ticket")
            assert rule["alert"] in page.split("\n", 1)[0], f"{rule['annotations']['runbook']} is of other alerts"
            assert rule["annotations"]["summary"]


@pytest.mark.parametrize("stack", [stack for stack in STACKS if ours(stack)])
def test_every_alert_has_a_route_to_somebody(stack: str) -> None:
    routes = [each for name in STACKS if name == stack or below(stack, name) for each in graph(name).of_type(ROUTES)]
    assert [severity for severity in wanted(stack) if not any(tells(each, severity) for each in routes)] == []


def test_some_stacks_have_alerts_to_route() -> None:
    assert {"prod", "team-vision"} <= {stack for stack in STACKS if ours(stack) and wanted(stack) == {"page", "ticket"}}


@pytest.mark.parametrize("stack", [stack for stack in STACKS if platform(stack).alerts])
def test_what_a_route_needs_is_there_before_it(stack: str) -> None:
    made = graph(stack)
    for routes in made.of_type(ROUTES):
        place = routes.inputs["metadata"]["namespace"]
        copied = {r.inputs["spec"]["target"]["name"] for r in made.of_type(EXTERNAL) if r.inputs["metadata"]["namespace"] == place}
        earlier = before(made, routes)
        named = [part["name"] for part in references(routes.inputs["spec"]["receivers"])]
        assert set(named) == copied
        assert {r.urn for r in made.of_type(EXTERNAL) if r.inputs["metadata"]["namespace"] == place} <= earlier


def references(value: object) -> list[dict[str, str]]:
    """Every reference to a key of a Secret."""
    if isinstance(value, dict):
        found = [value] if value.keys() == {"name", "key"} else []
        return found + [one for item in value.values() for one in references(item)]
    return [one for item in value for one in references(item)] if isinstance(value, list | tuple) else []


def test_alertmanager_may_publish_to_its_topic_and_nothing_else_and_could_from_its_start() -> None:
    made = graph("prod")
    (release,) = [r for r in made.of_type("kubernetes:helm.sh/v3:Release") if r.inputs["name"] == "kube-prometheus-stack"]
    (identity,) = [r for r in made.of_type(ASSOCIATION) if r.inputs["serviceAccount"] == "alertmanager"]
    assert release.inputs["values"]["alertmanager"]["serviceAccount"]["name"] == "alertmanager"
    assert identity.inputs["namespace"] == release.inputs["namespace"]
    assert identity.urn in before(made, release)
    (granted,) = [r for r in made.of_type("aws:iam/rolePolicy:RolePolicy") if r.name == "alarms-alerts-access"]
    (routes,) = made.of_type(ROUTES)
    topic = next(each["snsConfigs"][0]["topicARN"] for each in routes.inputs["spec"]["receivers"] if "snsConfigs" in each)
    statements = json.loads(granted.inputs["policy"])["Statement"]
    assert [(s["Action"], s["Resource"]) for s in statements if "sns:Publish" in s["Action"]] == [(["sns:Publish"], [topic])]
    (key,) = [s for s in statements if "sns:Publish" not in s["Action"]]
    assert key["Condition"] == {"StringEquals": {"kms:ViaService": "sns.us-west-2.amazonaws.com"}}
    assert "*" not in key["Resource"]


DAYS = {"m": 1 / 1440, "h": 1 / 24, "d": 1, "w": 7}


@pytest.mark.parametrize("stack", [stack for stack in STACKS if ours(stack)])
def test_no_alert_looks_back_on_what_prometheus_has_forgotten(stack: str) -> None:
    windows = [found for r in graph(stack).of_type(CUSTOM) for rule in rules(r) for found in re.findall(r"\[(\d+)([mhdw])\]", rule["expr"])]
    looked_back = max((int(count) * DAYS[unit] for count, unit in windows), default=0)
    assert looked_back <= LOOKED_BACK
    for release in graph(stack).of_type("kubernetes:helm.sh/v3:Release"):
        if release.inputs["name"] == "kube-prometheus-stack":
            assert int(release.inputs["values"]["prometheus"]["prometheusSpec"]["retention"].removesuffix("d")) >= LOOKED_BACK


def test_prometheus_in_production_keeps_its_samples_on_a_volume_of_a_class_that_is_there_first() -> None:
    made = graph("prod")
    (release,) = [r for r in made.of_type("kubernetes:helm.sh/v3:Release") if r.inputs["name"] == "kube-prometheus-stack"]
    told = release.inputs["values"]["prometheus"]["prometheusSpec"]
    assert told["storageSpec"]["volumeClaimTemplate"]["spec"]["resources"]["requests"]["storage"] == "100Gi"
    assert told["retentionSize"] == "87040MiB"
    assert {r.urn for r in made.of_type("kubernetes:storage.k8s.io/v1:StorageClass")} & before(made, release)


@pytest.mark.parametrize("stack", [stack for stack in STACKS if ours(stack)])
def test_our_prometheus_takes_monitors_and_rules_of_every_namespace_whatever_their_labels(stack: str) -> None:
    for release in graph(stack).of_type("kubernetes:helm.sh/v3:Release"):
        if release.inputs["name"] == "kube-prometheus-stack":
            told = release.inputs["values"]["prometheus"]["prometheusSpec"]
            assert {told[f"{kind}SelectorNilUsesHelmValues"] for kind in ("podMonitor", "serviceMonitor", "rule")} == {False}
