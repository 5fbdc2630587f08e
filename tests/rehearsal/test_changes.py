"""What one changed line does on the real engine.

Expectations were written from upstream source, not from what came out:
- terraform-provider-aws v6.58.0: aws_eks_node_group `scaling_config` updates in place, `instance_types` and `node_group_name` are ForceNew;
  aws_db_parameter_group `family` and `name` are ForceNew, aws_db_instance `parameter_group_name` and `engine_version` are not;
  aws_s3_bucket `bucket` is ForceNew, and so is `bucket` of every aws_s3_bucket_* resource.
- pulumi-terraform-bridge nameRequiresDeleteBeforeReplace and pulumi-aws AutoName: a bucket that the program named goes before its
  successor comes; a node group would too, unless the program says otherwise, which a generation in its name allows.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.stage import Stage
from rehearsal.store import Store

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]
GROUP = "aws:eks/nodeGroup:NodeGroup"
PARAMETERS, DATABASE = "aws:rds/parameterGroup:ParameterGroup", "aws:rds/instance:Instance"
CHANGES = ("create", "update", "delete")

BUCKETS = """
import pulumi
import pulumi_aws as aws

from components.aws.storage.bucket import Bucket
from components.aws.storage.retention import BucketArgs
from components.contracts import Context
from components.labels import Labels
from components.naming import Naming

provider = aws.Provider("aws", region="us-west-2", allowed_account_ids=["111122223333"])
labels = Labels("p", "s", "o", "nonproduction")
options = pulumi.ResourceOptions(providers=[provider])


def bucket(role: str, project: str, logs: Bucket | None) -> Bucket:
    context = Context(Naming(project, "s", "111122223333", "us-west-2"), labels)
    return Bucket(role, BucketArgs(), role=role, key=None, access_logs=logs, protect=False, context=context, opts=options)


bucket("data", pulumi.Config().require("named"), bucket("logs", "p", None))
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


def changes(stage: Stage) -> list[tuple[str, str, str]]:
    """(operation, type, name) of everything the clouds did, in order; reads left out."""
    with Store(stage.store) as store:
        rows = [row for row in store.operations() if row.operation in CHANGES]
    assert [row for row in rows if row.outcome != "ok"] == []
    return [(row.operation, row.urn.split("::")[2].rpartition("$")[2], row.urn.rpartition("::")[2]) for row in rows]


class Dev:
    """The dev stack on a stage of its own, brought up once per stack file."""

    def __init__(self, home: Path) -> None:
        self.file = home / "Pulumi.dev.yaml"
        self.text = (ROOT / "Pulumi.dev.yaml").read_text().replace("database: {", 'database: {postgres: "16", ')

    def up(self, old: str = "", new: str = "") -> list[tuple[str, str, str]]:
        """Bring the stack up with something in the line of its large pool replaced; what the clouds did."""
        line = re.search(r"^ +large: .*$", self.text, re.MULTILINE)
        assert line
        assert old in line[0]
        self.file.write_text(self.text.replace(line[0], line[0].replace(old, new)))
        with Stage(ROOT, "dev", stack_file=self.file) as stage:
            before = len(changes(stage))
            stage.pulumi("up", "--yes", "--skip-preview", check=True)
            return changes(stage)[before:]


def test_sizes_update_and_machines_and_majors_replace_create_first(home: Path) -> None:
    dev = Dev(home)
    created = {name for _, token, name in dev.up() if token == GROUP}
    (pool,) = (name for name in created if "large" in name)
    assert dev.up() == []

    assert dev.up("max: 2", "max: 5") == [("update", GROUP, pool)]

    dev.text = dev.file.read_text()
    replaced = dev.up("g6e.2xlarge", "g6e.4xlarge")
    assert [row for row in replaced if row[1] == GROUP] == [("create", GROUP, pool), ("delete", GROUP, pool)]
    assert {operation for operation, token, _ in replaced if token != GROUP} <= {"update"}

    dev.text = dev.file.read_text().replace('postgres: "16"', 'postgres: "17"')
    assert [(operation, token) for operation, token, _ in dev.up()] == [
        ("create", PARAMETERS),
        ("update", DATABASE),
        ("delete", PARAMETERS),
    ]


@pytest.fixture
def buckets(home: Path) -> Iterator[Stage]:
    project = home / "project"
    (project / "infra").mkdir(parents=True)
    (project / "Pulumi.yaml").write_text("name: buckets\nruntime: python\nmain: infra/\n")
    (project / "infra" / "__main__.py").write_text(BUCKETS)
    (project / "Pulumi.test.yaml").write_text('config:\n  pulumi:disable-default-providers: ["*"]\n  buckets:named: one\n')
    with Stage(project, "test") as stage:
        yield stage


def test_a_bucket_with_another_name_goes_first_and_takes_along_what_belongs_to_it(buckets: Stage) -> None:
    buckets.pulumi("up", "--yes", "--skip-preview", check=True)
    before = len(changes(buckets))
    buckets.pulumi("config", "set", "named", "two", check=True)
    buckets.pulumi("up", "--yes", "--skip-preview", check=True)

    rows = changes(buckets)[before:]
    parts = {"versioning", "lifecycle", "encryption", "public-access", "ownership", "policy", "logging"}
    found = {name for _, _, name in rows}
    assert "data-bucket" in found
    assert {name.removeprefix("data-") for name in found} - {"bucket"} == parts
    order = {(operation, name): at for at, (operation, _, name) in enumerate(rows)}
    for part in parts:
        assert (
            order["delete", f"data-{part}"]
            < order["delete", "data-bucket"]
            < order["create", "data-bucket"]
            < order["create", f"data-{part}"]
        )
    with Store(buckets.store) as store:
        names = {one.id for one in store.objects() if one.token == "aws:s3/bucket:Bucket"}
    assert names == {"two-s-data-111122223333-us-west-2", "p-s-logs-111122223333-us-west-2"}
