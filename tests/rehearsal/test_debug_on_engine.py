"""Output of the engine with `--debug`, and all files of a stage: no secret of a stack stands in them in clear."""

from pathlib import Path

import pytest

from tests.rehearsal.toy import PROGRAM, UP, Toy

pytestmark = pytest.mark.engine

SECRET = "hunter2-of-the-database"
MORE = """
password = pulumi.Config().require_secret("password")
held = aws.secretsmanager.Secret("held", name="held", opts=options)
aws.secretsmanager.SecretVersion("version", secret_id=held.id, secret_string=password, opts=options)
aws.rds.Instance(
    "db",
    instance_class="db.t3.micro",
    allocated_storage=20,
    engine="postgres",
    username="owner",
    password=password,
    skip_final_snapshot=True,
    opts=options,
)
"""


def test_debug_output_and_files_hold_no_secret_in_clear(tmp_path: Path) -> None:
    toy = Toy(tmp_path)
    (toy.project / "infra" / "__main__.py").write_text(PROGRAM + MORE)
    toy("exec", "--", "pulumi", "config", "set", "--secret", "password", SECRET)
    done = toy(*UP, "--debug", "--diff", GODEBUG="http2debug=2", GRPC_GO_LOG_SEVERITY_LEVEL="info")
    assert "debug: " in done.stderr
    assert "[secret]" in done.stdout
    assert SECRET not in done.stdout + done.stderr
    assert "SecretVersion" in toy.ids()
    files = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
    assert any(path.name == "dev.json" for path in files)
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
