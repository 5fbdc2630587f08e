"""What the program itself meets under the real engine: the configuration that the offline reader foretold, and faults told once."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from components.spec import Secret
from infra.config import load_file
from infra.reading.faults import ConfigFaults
from infra.reading.stackfile import KEY, engine_text, scan
from rehearsal.stage import Stage

pytestmark = pytest.mark.engine

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

PROGRAM = """
import json, os
from pathlib import Path
Path(os.environ["TOLD"]).write_text(os.environ["PULUMI_CONFIG"])
"""


class NoClouds:
    """Nothing is made here, so nothing need stand in for a cloud."""

    ports: Mapping[str, int] = {}

    def stop(self) -> None:
        pass


def staged(project: Path, path: Path) -> Stage:
    return Stage(project, path.stem, stack_file=path, clouds=lambda store, faults: NoClouds())


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.mark.parametrize("name", ["aws", "onprem-given"])
def test_the_program_receives_what_the_reader_foretold(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "toy"
    (project / "infra").mkdir(parents=True)
    (project / "infra" / "__main__.py").write_text(PROGRAM)
    (project / "Pulumi.yaml").write_text("name: groundwork\nruntime: {name: python, options: {toolchain: uv}}\nmain: infra/\n")
    monkeypatch.setenv("TOLD", str(tmp_path / "told.json"))
    path = HERE / "full" / f"{name}.yaml"
    with staged(project, path) as stage:
        stage.pulumi("preview", "--non-interactive", check=True)
        canaries = {at[1:]: text for at, text in stage.file.canaries().items()}
    told = json.loads((tmp_path / "told.json").read_text())

    def revealed(value: Any, at: tuple[str | int, ...]) -> Any:
        if isinstance(value, Secret):
            return canaries[at]
        if isinstance(value, dict):
            return {key: revealed(item, (*at, key)) for key, item in value.items()}
        return [revealed(item, (*at, index)) for index, item in enumerate(value)] if isinstance(value, list) else value

    foretold = {key: engine_text(revealed(value, (key,))) for key, value in scan(path).config.items()}
    assert {key: repr(json.loads(text)) for key, text in told.items()} == {key: repr(json.loads(text)) for key, text in foretold.items()}


@pytest.mark.parametrize("name", ["everything-at-once", "unknown-cloud", "secure-where-none-belongs"])
def test_an_invalid_configuration_is_one_clean_error_and_registers_nothing(name: str) -> None:
    path = HERE / "bad" / f"{name}.yaml"
    with pytest.raises(ConfigFaults) as offline:
        load_file(path)
    with staged(ROOT, path) as stage:
        done = stage.pulumi("up", "--yes", "--skip-preview", "--non-interactive", "--color", "never")
        state = json.loads(stage.pulumi("stack", "export", check=True).stdout)
        secrets = list(stage.file.canaries().values())
    said = done.stdout + done.stderr
    assert done.code != 0
    assert "Traceback" not in said
    assert all(fault.path in said and fault.message in said for fault in offline.value.faults)
    assert said.partition("Diagnostics:")[2].count("is not a valid configuration") == 1
    assert not any(secret in said for secret in secrets)
    assert [row["type"] for row in state["deployment"].get("resources", [])] in ([], ["pulumi:pulumi:Stack"])
    assert KEY in path.read_text()
