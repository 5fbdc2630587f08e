"""The page on failing over, tried: a cold region comes up warm while the site's region refuses every call."""

from pathlib import Path

import pytest
import yaml

from operations.rehearse import clouds_around
from rehearsal.stage import Stage
from rehearsal.store import Object, Store

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "Pulumi.two-region.yaml"
TARGET = "**::recovery**"
"""As docs/recovery.md has it."""
SITE = ("identity", "network", "storage", "cluster", "registry", "replication", "operators", "tracking", "chat")


def stack_file(folder: Path, cluster: str) -> Path:
    """The example with a cold or a warm cluster."""
    content = yaml.safe_load(EXAMPLE.read_text())
    content["config"]["groundwork:platform"]["recovery"] |= {"cluster": cluster, "notify": []}
    file = folder / EXAMPLE.name
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    return file


def lost_site(folder: Path) -> Path:
    """Faults by which nothing of the site can be made, changed, read or deleted."""
    operations = ("create", "update", "read", "delete")
    rows = [{"operation": op, "urn": f"*::{name}-*", "calls": "all", "error": "unavailable"} for op in operations for name in SITE]
    file = folder / "faults.yaml"
    file.write_text(yaml.safe_dump({"faults": rows}))
    return file


def held(stage: Stage, region: str) -> list[Object]:
    with Store(stage.store) as store:
        return [found for found in store.objects() if found.scope.region == region]


def test_the_recovery_region_comes_up_while_the_site_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert TARGET in (ROOT / "docs" / "recovery.md").read_text()
    cold = stack_file(tmp_path, "cold")
    clouds = clouds_around(cold)
    with Stage(ROOT, "two-region", stack_file=cold, clouds=clouds) as stage:
        stage.pulumi("up", "--yes", "--skip-preview", check=True)
        site = held(stage, "us-west-2")
        assert not [found for found in held(stage, "us-east-2") if found.token == "aws:eks/cluster:Cluster"]
    warm = stack_file(tmp_path, "warm")
    lost = lost_site(tmp_path)
    with Stage(ROOT, "two-region", stack_file=warm, faults=lost, clouds=clouds) as stage:
        assert stage.pulumi("refresh", "--yes").code != 0
        done = stage.pulumi("up", "--yes", "--skip-preview", "--target", TARGET)
        assert done.code == 0, (done.stdout + done.stderr)[-3000:]
        assert [found.id for found in held(stage, "us-east-2") if found.token == "aws:eks/cluster:Cluster"] == [
            "groundwork-two-region-recovery-cluster"
        ]
        assert held(stage, "us-west-2") == site
