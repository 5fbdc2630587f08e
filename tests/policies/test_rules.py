"""Every rule passes on a sound stack, fails on a planted defect, and says so of the resource at fault."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from graph.model import UNKNOWN, Graph, SecretValue
from policies.catalog import RULES
from policies.evaluate import REHEARSED, Settings, evaluate, failed
from policies.model import Rule, Verdict, View
from tests.evaluated import evaluate as evaluate_stack
from tests.policies.mutants import DEFECTS, planted

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def prod() -> Graph:
    return evaluate_stack(ROOT / "Pulumi.prod.yaml").graph


@pytest.fixture(scope="module")
def sound(prod: Graph) -> Counter[tuple[str, str]]:
    return Counter((verdict.rule, verdict.status) for verdict in evaluate(prod))


def of(verdicts: tuple[Verdict, ...], rule: str, status: str) -> list[Verdict]:
    return [verdict for verdict in verdicts if verdict.rule == rule and verdict.status == status]


def test_every_rule_has_a_planted_defect() -> None:
    assert set(DEFECTS) == {rule.id for rule in RULES}
    assert len({rule.id for rule in RULES}) == len(RULES) >= 24


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_passes_on_the_sound_stack_and_fails_on_its_defect(rule: Rule, prod: Graph, sound: Counter[tuple[str, str]]) -> None:
    if not rule.id.startswith("placeholder-"):
        assert sound[(rule.id, "pass")] > 0
        assert sound[(rule.id, "fail")] == 0
    assert sound[(rule.id, "error")] == 0
    defect = DEFECTS[rule.id]
    found = of(evaluate(defect.plant(prod)), rule.id, "fail")
    assert found, rule.id
    before = {verdict.urn for verdict in of(evaluate(prod), rule.id, "fail")} if rule.id == "placeholder-id" else set()
    blamed = {prod.by_urn[verdict.urn].type for verdict in found if verdict.urn not in before}
    assert (defect.blamed or defect.token) in blamed
    assert found[0].message


@pytest.mark.parametrize(("size", "status"), [(2, "fail"), (3, "pass"), (18, "pass"), (19, "fail")])
def test_a_size_of_the_state_must_be_within_new_bounds(prod: Graph, size: int, status: str) -> None:
    """The size that the engine puts in place of the ignored one; the serving pool has 3 to 18 nodes."""
    group = next(g for g in prod.of_type("aws:eks/nodeGroup:NodeGroup") if "serving" in g.name)
    stated = replace(group, inputs=planted(dict(group.inputs), "scalingConfig/desiredSize", size))
    found = of(evaluate(replace(prod, resources=tuple(stated if r is group else r for r in prod))), "node-group-size", status)
    assert group.urn in {verdict.urn for verdict in found}


def test_a_file_system_of_no_backup_plan_needs_its_own(prod: Graph) -> None:
    rule, own = "file-system-backups", "aws:efs/backupPolicy:BackupPolicy"
    alone = DEFECTS[rule].plant(prod)
    assert of(evaluate(changed(alone, own, "backupPolicy/status", "ENABLED")), rule, "pass")
    assert of(evaluate(changed(alone, own, "backupPolicy/status", "DISABLED")), rule, "fail")


def test_the_placeholder_rule_passes_a_real_digest(prod: Graph) -> None:
    real = "example.com/a/b@sha256:" + "4f" * 32
    victim = next(r for r in prod.of_type("kubernetes:apps/v1:Deployment"))
    inputs = planted(dict(victim.inputs), "spec/template/spec/containers/0/image", real)
    pod = inputs["spec"]["template"]["spec"]
    pod["initContainers"] = []
    fixed = replace(prod, resources=tuple(replace(r, inputs=inputs) if r.urn == victim.urn else r for r in prod))
    assert victim.urn in {v.urn for v in of(evaluate(fixed), "placeholder-image", "pass")}


def placeholders(graph: Graph, token: str) -> list[Verdict]:
    """What the rule says of resources of a type, where it stands as in a real deployment."""
    return [v for v in of(evaluate(graph, Settings()), "placeholder-id", "fail") if graph.by_urn[v.urn].type == token]


def test_the_example_account_is_stopped_and_a_real_one_is_not(prod: Graph) -> None:
    token = "pulumi:providers:aws"
    providers = prod.of_type(token)
    assert len(placeholders(prod, token)) == len(providers) == 2
    real = prod
    for provider in providers:
        told = replace(provider, inputs={**provider.inputs, "allowedAccountIds": '["123456789012"]'})
        real = replace(real, resources=tuple(told if r.urn == told.urn else r for r in real))
    assert placeholders(real, token) == []
    assert of(evaluate(real), "placeholder-id", "pass")


def test_a_range_kept_for_documentation_is_stopped_and_another_is_not() -> None:
    token = "aws:eks/cluster:Cluster"
    dev = evaluate_stack(ROOT / "Pulumi.dev.yaml").graph
    (told,) = placeholders(dev, token)
    assert "203.0.113.0/24" in told.message
    assert told.level == "mandatory"
    (cluster,) = dev.of_type(token)
    inputs = planted(dict(cluster.inputs), "vpcConfig/publicAccessCidrs/0", "52.94.76.0/24")
    real = replace(dev, resources=tuple(replace(r, inputs=inputs) if r.urn == cluster.urn else r for r in dev))
    assert placeholders(real, token) == []


def test_the_transit_gateway_of_the_reference_stack_is_a_placeholder(prod: Graph) -> None:
    assert len(placeholders(prod, "aws:ec2transitgateway/vpcAttachment:VpcAttachment")) == 1


@pytest.mark.parametrize("stack", ["dev", "prod", "onprem"])
def test_reference_stacks_fail_nothing_mandatory(stack: str) -> None:
    verdicts = evaluate(evaluate_stack(ROOT / f"Pulumi.{stack}.yaml").graph)
    assert not failed(verdicts), [v for v in verdicts if v.status in ("fail", "error")]


@pytest.mark.parametrize("stack", ["dev", "prod", "onprem"])
def test_what_passes_before_an_apply_does_not_fail_after_it(stack: str) -> None:
    before = evaluate(evaluate_stack(ROOT / f"Pulumi.{stack}.yaml", unknowns=True).graph)
    after = {(v.rule, v.urn): v.status for v in evaluate(evaluate_stack(ROOT / f"Pulumi.{stack}.yaml").graph)}
    changed = {v.rule for v in before if v.status != "undetermined" and after[v.rule, v.urn] != v.status}
    assert not changed


def test_levels_come_from_settings(prod: Graph) -> None:
    strict = {v.level for v in evaluate(prod, Settings()) if v.rule == "placeholder-image"}
    lowered = {v.level for v in evaluate(prod, Settings(REHEARSED)) if v.rule == "placeholder-image"}
    assert (strict, lowered) == ({"mandatory"}, {"advisory"})
    assert failed(evaluate(prod, Settings()))


def test_unknown_is_undetermined_and_a_crash_is_an_error(prod: Graph) -> None:
    database = prod.of_type("aws:rds/instance:Instance")[0]
    for value, status in ((UNKNOWN, "undetermined"), ("not a number", "error"), (SecretValue(1), "fail")):
        odd = replace(database, inputs={**database.inputs, "backupRetentionPeriod": value})
        graph = replace(prod, resources=tuple(odd if r.urn == odd.urn else r for r in prod))
        verdict = next(v for v in evaluate(graph) if v.rule == "database-backups")
        assert verdict.status == status, value
        assert failed([verdict]) is (status != "undetermined")


def changed(graph: Graph, token: str, path: str, value: object) -> Graph:
    victim = graph.of_type(token)[0]
    inputs = planted(dict(victim.inputs), path, value)
    return replace(graph, resources=tuple(replace(r, inputs=inputs) if r.urn == victim.urn else r for r in graph))


def test_secrets_reach_no_message(prod: Graph) -> None:
    canary = "hunter2-canary"
    entries = [{"name": "API_TOKEN", "value": SecretValue(canary)}]
    held = changed(prod, "kubernetes:apps/v1:Deployment", "spec/template/spec/containers/0/env", entries)
    rights = SecretValue(json.dumps({"Statement": [{"Effect": "Allow", "Action": f"{canary}:*", "Resource": "*"}]}))
    for graph, rule in ((held, "no-plain-secrets"), (changed(prod, "aws:iam/rolePolicy:RolePolicy", "policy", rights), "least-privilege")):
        verdicts = evaluate(graph)
        assert len(of(verdicts, rule, "fail")) == 1
        assert canary not in repr(verdicts)


def test_the_tier_decides_what_production_demands(prod: Graph) -> None:
    def relabelled(tier: str | None) -> Graph:
        def change(inputs: dict[str, object]) -> dict[str, object]:
            tags = inputs.get("tags")
            return {**inputs, "tags": {**tags, "groundwork:tier": tier}} if isinstance(tags, dict) else inputs

        return Graph(prod.project, prod.stack, tuple(replace(r, inputs=change(dict(r.inputs))) for r in prod if r.type.startswith("aws:")))

    assert View(relabelled("nonproduction")).tier == "nonproduction"
    assert View(relabelled("production")).tier == "production"
    assert View(Graph("p", "s", ())).tier == "production", "a lost label loosens nothing"
    demanded = {v.rule for v in evaluate(relabelled("nonproduction")) if v.status == "not-applicable"}
    assert "database-two-zones" in demanded
