"""What serves in `rehearse --cluster` where the real Kubernetes provider cannot: a stand-in, said aloud, and nothing in CI."""

from pathlib import Path
from typing import Any

import pytest

from operations import real_provider as room
from operations.real_provider import real_provider
from rehearsal.control_plane.tools import KUBERNETES_PROVIDER, NoControlPlane
from rehearsal.stage import StageFailed

ROOT = Path(__file__).parents[2]


def no_go(**_: Any) -> None:
    raise NoControlPlane(KUBERNETES_PROVIDER, {"source": "there is no Go on PATH"})


@pytest.fixture(params=["false", "true"])
def ci(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setenv("CI", request.param)
    return bool(request.param == "true")


def tried(file: Path, root: Path, why: str, capsys: pytest.CaptureFixture[str], *, ci: bool) -> None:
    if ci:
        with pytest.raises(StageFailed, match=why):
            real_provider(root, [file], {})
        return
    assert real_provider(root, [file], {}) is None
    assert why in capsys.readouterr().err


def test_without_go_a_stand_in_serves(
    ci: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(room, "locate", no_go)
    tried(ROOT / "Pulumi.onprem.yaml", tmp_path, "there is no Go on PATH", capsys, ci=ci)


def test_a_given_cluster_on_aws_is_served_by_a_stand_in(ci: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = ROOT / "examples" / "Pulumi.existing-cluster.yaml"
    tried(file, tmp_path, "nothing can stand for the cluster of", capsys, ci=ci)


def test_an_input_that_the_provider_does_not_know_stops_the_rehearsal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "locate", lambda **_: {})
    monkeypatch.setattr("rehearsal.provider_schema.served", lambda: {"provider": {"inputProperties": {}}, "resources": {}, "types": {}})
    with pytest.raises(StageFailed, match="does not know these inputs"):
        real_provider(tmp_path, [ROOT / "Pulumi.onprem.yaml"], {})
