"""Faults on the real engine: what an `up` reports, what it leaves, and what the next one does."""

from pathlib import Path

import pytest

from rehearsal.engine import Engine, locate
from rehearsal.stage import Stage
from rehearsal.store import Store

pytestmark = pytest.mark.engine

PROGRAM = """
import pulumi
import pulumi_aws as aws

provider = aws.Provider("aws", region="us-west-2", allowed_account_ids=["111122223333"])
options = pulumi.ResourceOptions(provider=provider)
for number in range(4):
    aws.ecr.Repository(f"repository-{number}", name=f"models-{number}", opts=options)
"""


@pytest.fixture(scope="module")
def engine() -> Engine:
    return locate(print)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    project = tmp_path / "project"
    (project / "infra").mkdir(parents=True)
    (project / "Pulumi.yaml").write_text("name: faulty\nruntime: python\nmain: infra/\n")
    (project / "Pulumi.test.yaml").write_text('config:\n  pulumi:disable-default-providers: ["*"]\n')
    (project / "infra" / "__main__.py").write_text(PROGRAM)
    return project


def up(project: Path, engine: Engine, faults: str = "") -> tuple[int, str]:
    """Exit code and display of an `up`, with these faults."""
    path = project / "faults.yaml"
    path.write_text(faults)
    with Stage(project, "test", faults=path if faults else None, engine=engine) as stage:
        result = stage.pulumi("up", "--yes", "--skip-preview")
        return result.code, result.stdout + result.stderr


def repositories(project: Path, engine: Engine) -> list[str]:
    with Stage(project, "test", engine=engine) as stage, Store(stage.store) as store:
        return sorted(found.id for found in store.objects())


def test_a_refused_create_leaves_the_rest_and_the_next_up_makes_only_what_is_missing(project: Path, engine: Engine) -> None:
    code, told = up(project, engine, 'faults:\n- {operation: create, urn: "*repository-2", error: insufficient-capacity}\n')
    assert code != 0
    assert "InsufficientInstanceCapacity: We currently do not have sufficient capacity" in told
    assert "models-2" not in repositories(project, engine)
    code, told = up(project, engine)
    assert code == 0, told
    assert repositories(project, engine) == [f"models-{number}" for number in range(4)]
    with Stage(project, "test", engine=engine) as stage, Store(stage.store) as store:
        created = [row.urn.rpartition("::")[2] for row in store.operations() if row.operation == "create" and row.outcome == "ok"]
    assert sorted(created) == [f"repository-{number}" for number in range(4)]


def test_a_lost_answer_is_found_by_its_name(project: Path, engine: Engine) -> None:
    code, _ = up(project, engine, 'faults:\n- {operation: create, urn: "*repository-1", message: connection reset, when: after}\n')
    assert code != 0
    code, told = up(project, engine)
    assert code != 0
    assert "RepositoryAlreadyExistsException: The repository with name 'models-1' already exists" in told


def test_what_was_made_but_not_ready_is_kept_and_tried_again(project: Path, engine: Engine) -> None:
    code, told = up(project, engine, 'faults:\n- {operation: create, urn: "*repository-3", error: node-creation-failure, when: partial}\n')
    assert code != 0
    assert "Instances failed to join the kubernetes cluster" in told
    code, told = up(project, engine)
    assert code == 0, told
    assert repositories(project, engine).count("models-3") == 1


def test_a_throttled_burst_shorter_than_the_sdks_patience_is_survived(project: Path, engine: Engine) -> None:
    code, told = up(project, engine, "faults:\n- {operation: create, error: throttling, calls: [1, 2, 3, 4, 5]}\n")
    assert code == 0, told
    assert len(repositories(project, engine)) == 4
