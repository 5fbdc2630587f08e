"""A review says what the graph holds and what the verdicts say: everything, ranked, and nothing twice."""

from dataclasses import replace
from pathlib import Path

import pytest

from graph.checks import unchecked
from graph.exporters.kubernetes import releases
from graph.types.kubernetes import HELM_RELEASE
from policies.catalog import BY_ID
from policies.evaluate import evaluate as judge
from policies.model import Level, Severity, Status, Verdict
from review.build import STATUSES, build, rows
from tests.evaluated import Evaluation, evaluate

ROOT = Path(__file__).parents[2]
STACKS = ("dev", "prod", "onprem")


def evaluated(stack: str) -> Evaluation:
    return evaluate(ROOT / f"Pulumi.{stack}.yaml")


def urn(stack: str, name: str) -> str:
    return next(resource.urn for resource in evaluated(stack).graph if resource.name == name)


def verdict(
    rule: str, status: Status = "fail", level: Level = "mandatory", severity: Severity = "high", name: str = "chat-pods"
) -> Verdict:
    return Verdict(rule, urn("dev", name), status, level, severity, "is wrong")


@pytest.mark.parametrize("stack", STACKS)
def test_components_hold_every_custom_resource_once(stack: str) -> None:
    graph = evaluated(stack).graph
    review = build(evaluated(stack), ())
    assert review.resources == len(graph.custom) == sum(row.resources for row in review.components)
    assert all(sum(count for _, count in row.kinds) == row.resources for row in review.components)
    protected = {resource.name for resource in graph.custom if resource.options.protect}
    assert {name for row in review.components for name in row.protected} == protected


def test_nested_components_count_in_the_one_around_them() -> None:
    review = build(evaluated("prod"), ())
    names = [row.name for row in review.components]
    assert {"identity", "network", "storage", "cluster", "registry", "recovery", "replication", "operators", "tracking", "chat"} <= {*names}
    assert not {"registry-database", "recovery-standby", "recovery-standby-network"} & {*names}
    registry = next(row for row in review.components if row.name == "registry")
    assert registry.type == "groundwork:aws:ModelRegistry"
    assert dict(registry.kinds)["aws:rds/instance:Instance"] == 1
    assert {"registry-artifacts-bucket", "registry-database-instance"} <= set(registry.protected)


def test_kinds_come_most_first() -> None:
    for row in build(evaluated("prod"), ()).components:
        assert [count for _, count in row.kinds] == sorted((count for _, count in row.kinds), reverse=True)


@pytest.mark.parametrize("stack", STACKS)
def test_what_nobody_looked_into_is_named(stack: str) -> None:
    graph = evaluated(stack).graph
    found = build(evaluated(stack), ()).unchecked
    assert {row.urn for row in found if row.reason == "no schema"} == {resource.urn for resource in unchecked(graph)}
    releases = {resource.urn: resource.inputs["name"] for resource in graph.of_type(HELM_RELEASE)}
    assert {row.urn for row in found if row.reason != "no schema"} == releases.keys()
    apart = {row.urn for row in found if row.reason == "chart judged apart"}
    assert apart == {urn for urn, name in releases.items() if name in ("karpenter", "karpenter-crd", "cert-manager", "gateway-helm", "lws")}


@pytest.mark.parametrize("stack", STACKS)
def test_every_verdict_is_counted_and_every_one_that_does_not_pass_is_told_once(stack: str) -> None:
    verdicts = judge(evaluated(stack).graph)
    review = build(evaluated(stack), verdicts)
    assert sum(review.verdicts.values()) == len(verdicts)
    assert set(review.verdicts) == set(STATUSES)
    told = [(row.rule, place.urn) for row in (*review.findings, *review.waived, *review.undetermined) for place in row.places]
    assert sorted(told) == sorted((v.rule, v.urn) for v in verdicts if v.status not in ("pass", "not-applicable"))


def test_findings_are_ranked_broken_then_mandatory_by_severity_then_advice() -> None:
    verdicts = [
        verdict("ownership-tags", level="advisory", severity="critical"),
        verdict("bucket-lifecycle", severity="low"),
        verdict("key-rotation", severity="medium"),
        verdict("probes"),
        verdict("bucket-public-access", severity="critical"),
        verdict("imdsv2", "error", severity="low"),
        verdict("image-digest", level="advisory", severity="high"),
    ]
    ranked = [row.rule for row in build(evaluated("dev"), verdicts).findings]
    assert ranked == ["imdsv2", "bucket-public-access", "probes", "key-rotation", "bucket-lifecycle", "ownership-tags", "image-digest"]


def test_the_order_of_verdicts_changes_nothing() -> None:
    verdicts = [verdict(rule, name=name) for rule in ("probes", "gpu-limits") for name in ("chat-pods", "tracking-pods")]
    assert build(evaluated("dev"), verdicts) == build(evaluated("dev"), verdicts[::-1])


def test_a_finding_gathers_its_resources_and_says_how_to_fix_them() -> None:
    (row,) = build(evaluated("dev"), [verdict("probes", name="tracking-pods"), verdict("probes")]).findings
    assert [(place.component, place.name, place.message) for place in row.places] == [
        ("chat", "chat-pods", "is wrong"),
        ("tracking", "tracking-pods", "is wrong"),
    ]
    assert (row.title, row.remedy) == (BY_ID["probes"].title, BY_ID["probes"].remedy)


def test_a_rule_that_fails_on_one_and_breaks_on_another_is_told_as_both() -> None:
    found = build(evaluated("dev"), [verdict("probes"), verdict("probes", "error", name="tracking-pods")]).findings
    assert [(row.rule, row.status) for row in found] == [("probes", "error"), ("probes", "fail")]


def test_waived_and_undetermined_stand_by_themselves_and_do_not_fail() -> None:
    review = build(evaluated("dev"), [verdict("probes", "waived"), verdict("gpu-limits", "undetermined")])
    assert ([row.rule for row in review.waived], [row.rule for row in review.undetermined]) == (["probes"], ["gpu-limits"])
    assert review.findings == ()
    assert not review.failed


@pytest.mark.parametrize(
    ("status", "level", "fails"), [("fail", "mandatory", True), ("fail", "advisory", False), ("error", "advisory", True)]
)
def test_what_fails_a_review(status: Status, level: Level, fails: bool) -> None:
    assert build(evaluated("dev"), [verdict("probes", status, level)]).failed is fails


def test_advice_offline_shows_how_a_deployment_counts_it() -> None:
    found = build(evaluated("prod"), judge(evaluated("prod").graph)).findings
    placeholder = next(row for row in found if row.rule == "placeholder-image")
    assert (placeholder.level, placeholder.deployed) == ("advisory", "mandatory")


@pytest.mark.parametrize(("stack", "named"), [("dev", []), ("prod", ["hipaa", "soc2"]), ("onprem", ["soc2"])])
def test_frameworks_that_the_stack_names_are_judged_whole(stack: str, named: list[str]) -> None:
    review = build(evaluated(stack), judge(evaluated(stack).graph))
    assert [lines.name for lines in review.compliance] == named
    for lines in review.compliance:
        assert {"holds", "needs process evidence"} <= {row.evidence for row in lines.controls}


def test_the_header_says_whose_and_where_in_the_stack_files_own_words() -> None:
    header = build(evaluated("prod"), ()).header
    assert (header.stack, header.tier, header.owner, header.layers) == ("prod", "production", "ml-platform", ("platform", "serving"))
    site = dict(header.site)
    assert (site["account"], site["region"], len(site["zones"])) == ("111122223333", "us-west-2", 3)
    assert dict(build(evaluated("onprem"), ()).header.site)["name"] == "fra1"


@pytest.mark.parametrize(
    ("field", "value", "place"),
    [("tier", "production", "header.tier"), ("owner", "another-team", "header.owner"), ("compliance", ("hipaa",), "compliance.0.name")],
)
def test_judged_fields_change_rows(field: str, value: object, place: str) -> None:
    before = evaluated("dev")
    after = replace(before, platform=before.platform.model_copy(update={field: value}))
    was, now = dict(rows(build(before, ()))), dict(rows(build(after, ())))
    assert was.get(place) != now[place]


def test_notes_tell_how_long_the_version_is_supported() -> None:
    (told,) = [note.text for note in build(evaluated("prod"), ()).notes if "standard support" in note.text]
    assert "until 2027-03-27" in told
    assert not [note for note in build(evaluated("onprem"), ()).notes if "support" in note.text]


def test_the_tier_flips_verdicts(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text((ROOT / "Pulumi.dev.yaml").read_text().replace("tier: nonproduction", "tier: production"))
    review = build(after := evaluate(file), judge(after.graph))
    assert review.failed
    assert {"nat-per-zone", "database-deletion"} <= {row.rule for row in review.findings}


def test_rows_are_unique_places_with_text() -> None:
    found = rows(build(evaluated("prod"), judge(evaluated("prod").graph)))
    assert len(dict(found)) == len(found)
    assert ("header.owner", "ml-platform") in found


@pytest.mark.parametrize(
    ("stack", "told"), [("onprem", "who runs Prometheus says who hears them"), ("dev", "are heard by nobody"), ("prod", "")]
)
def test_notes_tell_who_hears_alerts_where_the_stack_does_not(stack: str, told: str) -> None:
    found = [note.text for note in build(evaluated(stack), ()).notes if note.subject == "alerts"]
    assert len(found) == bool(told)
    assert all(told in text for text in found)


@pytest.mark.parametrize("stack", ["prod", "onprem"])
def test_notes_tell_which_hosts_a_preview_needs_for_charts(stack: str) -> None:
    evaluation = evaluated(stack)
    (told,) = [note.text for note in build(evaluation, ()).notes if note.subject == "charts"]
    repositories = [r.inputs.get("repositoryOpts", {}).get("repo") or r.inputs["chart"] for r in releases(evaluation.graph)]
    assert repositories
    assert all(address.split("/")[2] in told for address in repositories)
