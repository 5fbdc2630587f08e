"""Stacks of endpoints alone: what their platform lets them do, what they are bound to, and that the engine says the same."""

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from graph.model import Graph, Resource
from graph.recorder import ORGANISATION, record
from infra.compose import compose
from infra.config import load_file
from infra.layers import OUTPUT
from infra.offline import evaluate
from infra.reading.faults import ConfigFaults
from infra.reading.stackfile import KEY, PROJECT
from infra.serving import ServingStack
from rehearsal.actions import act
from rehearsal.stage import Stage, StageFailed

MONITOR = "kubernetes:monitoring.coreos.com/v1:PodMonitor"
RULE = "kubernetes:monitoring.coreos.com/v1:PrometheusRule"
SCALER = "kubernetes:keda.sh/v1alpha1:ScaledObject"
ROOT = Path(__file__).parents[2]
FULL = ROOT / "tests" / "config" / "full"
ROLE = "arn:aws:iam::111122223333:role/deploy-vision"
OFFICE = {"start": "0 7 * * 1-5", "end": "0 19 * * 1-5", "timezone": "Europe/Berlin", "replicas": 1}
TRAFFIC = {"authentication": {"kind": "keys", "store": "vault", "key": "keys/a", "clients": ["b"]}, "limit": {"requests": 1}}
SHADOW = {"model": "models:/llama/13", "percent": "5%"}
IMAGE = "registry.example.com/vllm@sha256:" + "1" * 64


def endpoint(pool: str, **more: Any) -> dict[str, Any]:
    engine = {"kind": "vllm", "image": IMAGE, "context_length": 8192}
    sized = {"cpu": 8, "memory": "48GiB", "weights": "16GiB", "load_time": "3m", "scale": {"min": 1, "max": 2}}
    return {"model": "models:/llama/12", "engine": engine, "pool": pool, **sized, **more}


def stack_file(folder: Path, base: str, pool: str, **more: Any) -> Path:
    """A serving stack's file beside a copy of a platform's; a key given as None is left out."""
    (folder / f"Pulumi.{base}.yaml").write_text((FULL / f"{base}.yaml").read_text())
    said = {"tier": "production", "owner": "vision", "layer": ["serving"], "platform": base, "endpoints": {"caption": endpoint(pool)}}
    said = {key: value for key, value in {**said, **more}.items() if value is not None}
    path = folder / "Pulumi.team.yaml"
    path.write_text(yaml.safe_dump({"config": {"pulumi:disable-default-providers": ["*"], KEY: said}}, sort_keys=False))
    return path


def faults(path: Path) -> dict[str, str]:
    with pytest.raises(ConfigFaults) as refused:
        load_file(path)
    return {fault.path: f"{fault.message} {fault.hint or ''}" for fault in refused.value.faults}


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "a team that the platform does not know": ({"owner": "visoin"}, "owner", "did you mean `vision`"),
    "a pool that is closed to the team": ({"endpoints": {"a": endpoint("small")}}, "endpoints.a.pool", "it may use large"),
    "more than the team is promised": (
        {"endpoints": {"a": endpoint("large", scale={"min": 1, "max": 5})}},
        "endpoints.a.scale.max",
        "team vision may have 4 of pool large",
    ),
    "an endpoint that sleeps": (
        {"endpoints": {"a": endpoint("large", scale={"min": 0, "max": 1, "schedules": {"office": OFFICE}})}},
        "endpoints.a.scale.min",
        "keep 1 or more",
    ),
    "a pool that is none": ({"endpoints": {"a": endpoint("larg")}}, "endpoints.a.pool", "did you mean `large`"),
    "weights that do not fit the platform's GPUs": (
        {"endpoints": {"a": endpoint("large", weights="90GiB")}},
        "endpoints.a.weights",
        "do not fit",
    ),
    "more than the team is promised, with a shadow": (
        {"endpoints": {"a": endpoint("large", scale={"min": 1, "max": 4}, traffic=TRAFFIC, shadow=SHADOW)}},
        "endpoints.a.scale.max",
        "asks for 5 GPUs (1 of its shadow), and team vision may have 4",
    ),
    "an endpoint that is called what a shadow is": (
        {"endpoints": {"a": endpoint("large", traffic=TRAFFIC, shadow=SHADOW), "a-shadow": endpoint("large", scale={"min": 1, "max": 1})}},
        "endpoints.a-shadow",
        "is what the shadow of endpoint a is called",
    ),
    "more than the team is promised, with room held ready": (
        {"endpoints": {"a": endpoint("large", scale={"min": 1, "max": 4, "warm": 1})}},
        "endpoints.a.scale.max",
        "asks for 5 GPUs (1 held ready), and team vision may have 4",
    ),
    "an endpoint that is called what held room is": (
        {"endpoints": {"a": endpoint("large", scale={"min": 1, "max": 2, "warm": 1}), "a-warm": endpoint("large")}},
        "endpoints.a-warm",
        "is what the room held for endpoint a is called",
    ),
    "a role on premises": ({"credentials": {"role": ROLE}}, "credentials", "it takes context"),
    "a platform that is not there": ({"platform": "elsewhere"}, "platform", "cannot be read"),
    "a platform that holds endpoints only": ({"platform": "team"}, "platform", "holds endpoints only"),
    "no platform": ({"platform": None}, "platform", "is required"),
    "a part of the platform": ({"tracking": {}}, "tracking", "is not a known key"),
    "no endpoints": ({"endpoints": {}}, "layer", "there are no endpoints"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_platform_does_not_allow_is_refused(case: str, tmp_path: Path) -> None:
    more, place, words = REFUSED[case]
    found = faults(stack_file(tmp_path, "onprem", "large", **more))
    assert words in found[place], found


def test_faults_of_the_file_and_of_its_place_are_told_at_once(tmp_path: Path) -> None:
    wrong = {"a": endpoint("larg", cpu=0), "b": endpoint("large", weights="90GiB")}
    assert {"endpoints.a.cpu", "endpoints.b.weights"} <= faults(stack_file(tmp_path, "onprem", "large", endpoints=wrong)).keys()


def test_a_platform_that_is_wrong_itself_is_told_as_that(tmp_path: Path) -> None:
    path = stack_file(tmp_path, "onprem", "large")
    (tmp_path / "Pulumi.onprem.yaml").write_text("config: {}\n")
    assert "cannot be used itself" in faults(path)["platform"]


@pytest.mark.parametrize(
    ("credentials", "words"),
    [
        ({"role": ROLE.replace("vision", "speech")}, "is no principal of team vision"),
        ({"context": "vision"}, "it takes role"),
    ],
)
def test_who_acts_is_of_the_platforms_kind_and_its_principal(credentials: dict[str, str], words: str, tmp_path: Path) -> None:
    found = faults(stack_file(tmp_path, "aws", "serving", credentials=credentials))
    assert any(words in text for place, text in found.items() if place.startswith("credentials")), found


@pytest.mark.parametrize(
    ("teams", "place", "words"),
    [
        ({"vision": {"gpus": {"larg": 1}}}, "teams.vision.gpus.larg", "did you mean `large`"),
        ({"vision": {"gpus": {"large": 99}}}, "teams.vision.gpus.large", "more than pool large can ever have"),
        ({"vision": {"principals": [ROLE]}}, "teams.vision.principals[0]", "cannot be let in by this stack"),
        ({"vision": {}, "v1sion": {}}, "teams.vision", "looks like v1sion"),
    ],
)
def test_a_platform_promises_what_it_has(teams: dict[str, Any], place: str, words: str, tmp_path: Path) -> None:
    assert words in faults(platform_with(tmp_path, "onprem", teams))[place]


@pytest.mark.parametrize(
    ("principals", "words"),
    [
        (["deploy-vision"], "give its ARN"),
        (["arn:aws:iam::111122223333:role/administrator"], "has an access entry of its own"),
    ],
)
def test_a_cluster_knows_a_role_once(principals: list[str], words: str, tmp_path: Path) -> None:
    path = platform_with(tmp_path, "aws", {"vision": {"principals": principals}})
    assert words in faults(path)["teams.vision.principals[0]"]


def test_a_role_acts_for_one_team(tmp_path: Path) -> None:
    path = platform_with(tmp_path, "aws", {"vision": {"principals": [ROLE]}, "speech": {"principals": [ROLE]}})
    assert "acts for team speech already" in faults(path)["teams.vision.principals[0]"]


def platform_with(folder: Path, platform: str, teams: dict[str, Any]) -> Path:
    said = yaml.safe_load((FULL / f"{platform}.yaml").read_text())
    said["config"][KEY]["teams"] = teams
    path = folder / f"Pulumi.{platform}.yaml"
    path.write_text(yaml.safe_dump(said, sort_keys=False))
    return path


def providers(graph: Graph) -> dict[str, Resource]:
    return {resource.type.rpartition(":")[2]: resource for resource in graph if resource.type.startswith("pulumi:providers:")}


def test_the_role_is_who_all_providers_act_as(tmp_path: Path) -> None:
    acting = providers(evaluate(stack_file(tmp_path, "aws", "serving", credentials={"role": ROLE})).graph)
    ambient = providers(evaluate(stack_file(tmp_path, "aws", "serving")).graph)
    assert ROLE in acting["aws"].inputs["assumeRoles"]
    assert ROLE in acting["kubernetes"].inputs["kubeconfig"]
    assert "assumeRoles" not in ambient["aws"].inputs
    assert "role-arn" not in ambient["kubernetes"].inputs["kubeconfig"]


def test_the_context_is_who_the_provider_acts_as_on_premises(tmp_path: Path) -> None:
    found = providers(evaluate(stack_file(tmp_path, "onprem", "large", credentials={"context": "vision"})).graph)
    assert found["kubernetes"].inputs["context"] == "vision"


def test_endpoints_stand_in_the_teams_namespace_and_make_none(tmp_path: Path) -> None:
    graph = evaluate(stack_file(tmp_path, "aws", "serving")).graph
    namespaced = {r.inputs["metadata"]["namespace"] for r in graph if "namespace" in (r.inputs.get("metadata") or {})}
    assert namespaced == {"groundwork-aws-team-vision"}
    assert not list(graph.of_type("kubernetes:core/v1:Namespace"))
    assert not list(graph.of_type("kubernetes:core/v1:ResourceQuota"))


def test_a_shadow_stands_beside_its_endpoint_and_is_counted_by_nothing(tmp_path: Path) -> None:
    seen = {"a": endpoint("large", traffic=TRAFFIC, shadow=SHADOW, objectives={"errors": "1%"})}
    graph = evaluate(stack_file(tmp_path, "onprem", "large", endpoints=seen)).graph
    assert not list(graph.of_type("kubernetes:gateway.networking.k8s.io/v1:ReferenceGrant")), "its route is in the same namespace"
    monitors = {m.inputs["metadata"]["name"]: m.inputs["spec"]["selector"]["matchLabels"] for m in graph.of_type(MONITOR)}
    shadow, own = monitors["a-shadow"], monitors["a"]
    assert shadow["app.kubernetes.io/name"] != own["app.kubernetes.io/name"]
    (policy,) = [p.inputs["spec"] for p in graph.of_type("kubernetes:networking.k8s.io/v1:NetworkPolicy") if p.name == "a-shadow-network"]
    assert policy["podSelector"]["matchLabels"] == shadow
    queries = json.dumps([r.inputs["spec"] for kind in (RULE, SCALER) for r in graph.of_type(kind)])
    assert 'job=\\"groundwork-onprem-team-vision/a\\"' in queries
    assert "a-shadow" not in queries


def test_room_is_held_by_the_priority_that_the_platform_made(tmp_path: Path) -> None:
    path = stack_file(tmp_path, "onprem", "large", endpoints={"a": endpoint("large", scale={"min": 1, "max": 2, "warm": 1})})
    graph = evaluate(path).graph
    (held,) = [r for r in graph.of_type("kubernetes:apps/v1:Deployment") if r.name == "a-warm-pods"]
    platform = evaluate(tmp_path / "Pulumi.onprem.yaml").graph
    classes = platform.of_type("kubernetes:scheduling.k8s.io/v1:PriorityClass")
    (made,) = [found for found in classes if found.inputs["value"] < 0]
    assert held.inputs["spec"]["template"]["spec"]["priorityClassName"] == made.inputs["metadata"]["name"]
    assert not list(graph.of_type("kubernetes:scheduling.k8s.io/v1:PriorityClass")), "a team makes nothing outside its namespace"


def test_a_platform_of_another_name_is_another_place(tmp_path: Path) -> None:
    path = stack_file(tmp_path, "aws", "serving")
    before = evaluate(path).graph
    (tmp_path / "Pulumi.aws.yaml").rename(tmp_path / "Pulumi.other.yaml")
    path.write_text(path.read_text().replace("platform: aws", "platform: other"))
    after = providers(evaluate(path).graph)["kubernetes"].inputs["clusterIdentifier"]
    assert providers(before)["kubernetes"].inputs["clusterIdentifier"] != after


def test_the_quota_of_a_team_is_what_it_is_promised(tmp_path: Path) -> None:
    path = platform_with(tmp_path, "onprem", {"vision": {"gpus": {"large": 4, "small": 2}, "pods": 7}})
    (quota,) = [r for r in evaluate(path).graph.of_type("kubernetes:core/v1:ResourceQuota") if r.name.startswith("team-")]
    assert quota.inputs["spec"]["hard"] == {"pods": "7", "requests.nvidia.com/gpu": "6"}


def test_a_platform_brought_up_from_another_file_is_found_out(tmp_path: Path) -> None:
    """Nothing is handed on when the platform's state and the file here tell different stories."""
    path = stack_file(tmp_path, "onprem", "large")
    told = dict(evaluate(tmp_path / "Pulumi.onprem.yaml").graph.outputs)
    facts = json.loads(told[OUTPUT]["facts"])
    facts["monitoring"]["namespace"] = "elsewhere"
    changed = {**told, OUTPUT: {**told[OUTPUT], "facts": json.dumps(facts)}}
    for outputs, words in ((changed, "they differ in: monitoring"), ({}, "bring it up with `teams`")):
        with pytest.raises(pulumi.RunError, match=words):
            drawn(path, outputs)
    assert len(drawn(path, told)) > 5


def drawn(path: Path, outputs: dict[str, Any]) -> Graph:
    """The graph of a serving stack whose platform gave these outputs."""
    serving, file = load_file(path)
    assert isinstance(serving, ServingStack)
    references = {f"{ORGANISATION}/{PROJECT}/{serving.platform}": outputs}

    def program() -> None:
        compose(serving, project=PROJECT, stack=file.stack)

    return record(program, project=PROJECT, stack=file.stack, config={}, references=references)


@pytest.mark.engine
def test_a_team_comes_and_goes_on_the_stage_of_its_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No platform, no team; the platform cannot go while the team is there; after both are gone the clouds are empty."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    file = stack_file(tmp_path, "onprem", "large")
    base = tmp_path / "Pulumi.onprem.yaml"
    with pytest.raises(StageFailed, match="rehearse up --stack onprem"), team(file, base):
        pass
    with Stage(ROOT, "onprem", stack_file=base) as platform:
        assert act("up", platform, packs=False).fine
    with team(file, base) as stage:
        assert act("up", stage, packs=False).facts.changes["create"] > 5
        assert set(act("up", stage, packs=False).facts.changes) == {"same"}
    with Stage(ROOT, "onprem", stack_file=base) as platform, pytest.raises(StageFailed, match="team stand on onprem"):
        act("destroy", platform)
    base.write_text(base.read_text().replace("nodes: 3", "nodes: 4"))
    with team(file, base) as stage:
        moved = act("up", stage, packs=False)
        assert any("they differ in: pools" in error for error in moved.facts.errors)
        assert act("destroy", stage).fine
    with Stage(ROOT, "onprem", stack_file=base) as platform:
        assert act("destroy", platform).fine


def team(file: Path, base: Path) -> Stage:
    return Stage(ROOT, "team", stack_file=file, platform=("onprem", base))
