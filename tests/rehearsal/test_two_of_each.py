"""One stack, two regions and two clusters: what each provider instance was configured with is kept apart on the real engine.

All instances of a package share one port; equal names and equal ids in both places would be mixed up if anything were shared.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.stage import Stage
from rehearsal.store import Object, Store

pytestmark = pytest.mark.engine

PROGRAM = """
import json
import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

for region in ("us-west-2", "eu-west-1"):
    provider = aws.Provider(f"aws-{region}", region=region, allowed_account_ids=["111122223333"])
    options = pulumi.ResourceOptions(provider=provider)
    vpc = aws.ec2.Vpc(f"vpc-{region}", cidr_block="10.0.0.0/16", opts=options)
    for number in range(6):
        aws.ec2.Subnet(f"subnet-{region}-{number}", vpc_id=vpc.id, cidr_block=f"10.0.{number}.0/24", opts=options)
    aws.ecr.Repository(f"repository-{region}", name="models", opts=options)
    kubeconfig = vpc.arn.apply(lambda arn: json.dumps({"clusters": [{"name": "c", "cluster": {"server": f"https://{arn}"}}]}))
    cluster = kubernetes.Provider(f"cluster-{region}", cluster_identifier=f"cluster-{region}", kubeconfig=kubeconfig)
    inside = pulumi.ResourceOptions(provider=cluster)
    home = kubernetes.core.v1.Namespace(f"home-{region}", metadata={"name": "home"}, opts=inside)
    for number in range(6):
        kubernetes.core.v1.ConfigMap(
            f"map-{region}-{number}", metadata={"name": f"map-{number}", "namespace": "home"}, data={"region": region},
            opts=pulumi.ResourceOptions(provider=cluster, depends_on=[home]),
        )
    pulumi.export(f"arn-{region}", vpc.arn)
"""


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    project = tmp_path / "project"
    (project / "infra").mkdir(parents=True)
    (project / "Pulumi.yaml").write_text("name: twins\nruntime: python\nmain: infra/\n")
    (project / "Pulumi.test.yaml").write_text('config:\n  pulumi:disable-default-providers: ["*"]\n')
    (project / "infra" / "__main__.py").write_text(PROGRAM)
    with Stage(project, "test") as entered:
        yield entered


def held(stage: Stage) -> list[Object]:
    with Store(stage.store) as store:
        return store.objects()


def places(found: list[Object]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in found:
        counts[one.scope.region or one.scope.cluster] = counts.get(one.scope.region or one.scope.cluster, 0) + 1
    return counts


def test_two_regions_and_two_clusters_live_side_by_side(stage: Stage) -> None:
    preview = stage.pulumi("preview", check=True).stdout
    assert "35 to create" in preview
    assert held(stage) == []

    stage.pulumi("up", "--yes", "--skip-preview", check=True)
    found = held(stage)
    assert places(found) == {"us-west-2": 8, "eu-west-1": 8, "cluster-us-west-2": 7, "cluster-eu-west-1": 7}
    for region in ("us-west-2", "eu-west-1"):
        arn = stage.pulumi("stack", "output", f"arn-{region}", check=True).stdout
        assert f":{region}:111122223333:vpc/" in arn
    maps = {(one.scope.cluster, one.id): one.inputs["data"]["region"] for one in found if one.token.endswith(":ConfigMap")}
    assert {(cluster.removeprefix("cluster-"), region) for (cluster, _), region in maps.items()} == {
        ("us-west-2", "us-west-2"),
        ("eu-west-1", "eu-west-1"),
    }

    again = stage.pulumi("up", "--yes", "--expect-no-changes", check=True).stdout
    assert "35 unchanged" in again
    stage.pulumi("refresh", "--yes", "--expect-no-changes", check=True)

    exported = json.loads(stage.pulumi("stack", "export", check=True).stdout)["deployment"]["resources"]
    ids = {(row["urn"], row["id"]) for row in exported if row["custom"] and not row["type"].startswith("pulumi:")}
    assert ids == {(one.urn, one.id) for one in found}

    stage.pulumi("destroy", "--yes", check=True)
    assert held(stage) == []


def test_what_is_changed_in_one_place_is_seen_there_only(stage: Stage) -> None:
    stage.pulumi("up", "--yes", "--skip-preview", check=True)
    with Store(stage.store) as store:
        lost = next(one for one in store.objects() if one.id == "home/map-3" and one.scope.cluster == "cluster-eu-west-1")
        store.lose(lost.urn)
    told = stage.pulumi("refresh", "--yes", check=True).stdout
    assert "1 deleted" in told
    assert "map-eu-west-1-3" in told
    stage.pulumi("up", "--yes", "--skip-preview", check=True)
    assert places(held(stage))["cluster-eu-west-1"] == 7
