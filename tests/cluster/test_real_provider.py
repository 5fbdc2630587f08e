"""Pulumi's own Kubernetes provider takes stacks up, leaves them alone, changes them and takes them down, on a real API server."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.reading.stackfile import KEY
from operations.real_provider import RealProvider, real_provider
from operations.rehearse import given_to
from rehearsal.actions import Action, Outcome, act
from rehearsal.control_plane.tools import KUBERNETES_PROVIDER, NoControlPlane, locate
from rehearsal.golang import Unavailable
from rehearsal.keeper import STAND_IN, demand
from rehearsal.real_provider import RealClouds
from rehearsal.stage import Running, Stage, StageFailed
from tests.cluster.conftest import give_up

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]
INITIAL = {"default", "kube-system", "kube-public", "kube-node-lease"}


class Life:
    """One stack on one stage with the real provider."""

    def __init__(self, stack: str, folder: Path) -> None:
        self.file = folder / f"Pulumi.{stack}.yaml"
        self.said: dict[str, Any] = yaml.safe_load((ROOT / self.file.name).read_text())
        self.write()
        plain = Stage(ROOT, stack, stack_file=self.file)
        found = real_provider(plain.root, [self.file], given_to(self.file))
        assert found, "the real provider, or the tier has given up"
        self.real: RealProvider = found
        self.clouds: RealClouds
        self.stage = Stage(ROOT, stack, stack_file=self.file, clouds=self._clouds)
        self.stage.file.values = found.values

    def _clouds(self, store: Path, faults: Path | None) -> Running:
        made = self.real.clouds(store, faults)
        assert isinstance(made, RealClouds)
        self.clouds = made
        return made

    def write(self) -> None:
        """Let the stack file say what is said."""
        self.file.write_text(yaml.safe_dump(json.loads(json.dumps(self.said)), sort_keys=False))

    def does(self, action: Action) -> Outcome:
        """Rehearse; it must end well."""
        outcome = act(action, self.stage, packs=False)
        troubles = [text for troubles in self.clouds.troubles for text in troubles]
        assert outcome.fine, f"{action}: {outcome.facts.errors}\n{troubles}"
        return outcome

    def namespaces(self) -> set[str]:
        """Namespaces of every cluster."""
        found = (row for server in self.clouds.servers.values() for row in server.client.items("v1", "Namespace"))
        return {row["metadata"]["name"] for row in found}


@pytest.fixture(scope="module", params=["dev", "onprem"])
def life(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    try:
        locate(tools=[KUBERNETES_PROVIDER])
    except (NoControlPlane, Unavailable) as why:
        give_up(request.config, why)
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        made = Life(request.param, folder)
        with made.stage:
            yield made


def changes(outcome: Outcome) -> set[str]:
    return set(outcome.facts.changes)


def test_it_comes_up_with_its_charts(life: Life) -> None:
    assert changes(life.does("up")) == {"create"}
    charts = {str(name) for name, _ in life.clouds.wanted.charts}
    assert charts
    assert set(life.clouds.stubs) == charts, "each chart is a stub that was loaded"


def test_a_command_without_the_provider_is_refused(life: Life) -> None:
    """Its stand-in would know nothing of the objects, and a refresh would take them all out of the state."""
    with pytest.raises(StageFailed, match="go on with --cluster"):
        demand(life.stage.store, life.stage.backend, STAND_IN)


def test_nothing_changes_without_a_change(life: Life) -> None:
    assert changes(life.does("up")) == {"same"}


def test_a_refresh_finds_no_drift(life: Life) -> None:
    assert changes(life.does("refresh")) == {"same"}
    assert changes(life.does("preview")) == {"same"}


def test_a_change_changes_its_objects_alone(life: Life) -> None:
    (endpoint, *_) = life.said["config"][KEY]["endpoints"].values()
    endpoint["longest_request"] = "5m"
    endpoint["scale"]["max"] += 1
    life.write()
    life.stage.file.update()
    outcome = life.does("up")
    assert changes(outcome) == {"same", "update"}
    kinds = Counter(urn.split("::")[2].rpartition("$")[2].rpartition(":")[2] for urn in updated(life))
    assert kinds.keys() >= {"Deployment", "ScaledObject"}
    assert changes(life.does("preview")) == {"same"}


def updated(life: Life) -> list[str]:
    """URNs of what the last `up` updated."""
    rows = [json.loads(line) for line in (life.stage.reports / "up.events.jsonl").read_text().splitlines()]
    found = (row["resOutputsEvent"]["metadata"] for row in rows if "resOutputsEvent" in row)
    return [row["urn"] for row in found if row["op"] == "update"]


def test_it_goes_and_leaves_no_namespace(life: Life) -> None:
    outcome = life.does("destroy")
    assert changes(outcome) == {"delete"}
    assert life.namespaces() <= INITIAL
