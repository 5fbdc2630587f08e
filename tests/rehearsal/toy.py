"""A project with a network, and the command line on its stage, for tests that end or damage parts of it."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rehearsal.store import Store

ROOT = Path(__file__).parents[2]
PROGRAM = """
import pulumi
import pulumi_aws as aws

provider = aws.Provider("aws", region="us-west-2", allowed_account_ids=["111122223333"])
options = pulumi.ResourceOptions(provider=provider)
vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16", opts=options)
aws.ec2.Subnet("subnet", vpc_id=vpc.id, cidr_block="10.0.1.0/24", availability_zone="us-west-2a", opts=options)
"""
COMMAND = """
import os, resource, sys
import operations.rehearse as commands
commands._validated, commands._given, commands._platform_of = (lambda path: None), (lambda path: {}), (lambda path: None)
if limit := os.environ.get("FILE_LIMIT"):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
from operations.cli import main
sys.argv[0:1] = ["groundwork", "rehearse"]
main()
"""
"""The command line, for a stack file that is not one of the platform's."""
SLOW = 'faults:\n- {operation: create, type: "aws:ec2/vpc:Vpc", latency: 20}\n'
UP = ("exec", "--", "pulumi", "up", "--yes", "--skip-preview")
Done = subprocess.CompletedProcess[str]


class Toy:
    """A project with a network, and the command line on its stage."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "toy"
        self.state = folder / "state"
        (self.project / "infra").mkdir(parents=True)
        (self.project / "Pulumi.yaml").write_text("name: toy\nruntime: {name: python, options: {toolchain: uv}}\nmain: infra/\n")
        (self.project / "Pulumi.dev.yaml").write_text('config:\n  pulumi:disable-default-providers: ["*"]\n')
        (self.project / "infra" / "__main__.py").write_text(PROGRAM)
        (self.project / "slow.yaml").write_text(SLOW)

    @property
    def stage(self) -> Path:
        return next(self.state.glob("groundwork/rehearsals/*/dev"))

    @property
    def state_file(self) -> Path:
        return self.stage / "backend" / ".pulumi" / "stacks" / "toy" / "dev.json"

    def start(self, *args: str, **environ: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", COMMAND, *args],
            cwd=self.project,
            env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(self.state), **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *args: str, code: int | None = 0, **environ: str) -> Done:
        process = self.start(*args, **environ)
        out, err = process.communicate(timeout=240)
        assert code is None or process.returncode == code, (process.returncode, out[-2000:], err[-2000:])
        return Done(args, process.returncode, out, err)

    def slow_up(self, *command: str) -> "subprocess.Popen[str]":
        """An `up` that is in the middle of creating the network."""
        process = self.start(*(command or ("exec", "--faults", "slow.yaml", *UP[1:])))
        assert process.stdout is not None
        for line in process.stdout:
            if "vpc creating" in line:
                return process
        pytest.fail("the network was never begun")

    def ids(self) -> list[str]:
        with Store(self.stage / "clouds.sqlite") as store:
            return sorted(found.token.rpartition(":")[2] for found in store.objects())

    def pending(self) -> list[str]:
        latest = json.loads(self.state_file.read_text())["checkpoint"]["latest"]
        return [row["type"] for row in latest.get("pending_operations") or ()]


def below(pid: int) -> dict[int, str]:
    """Every living process below one, with its command line."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().rpartition(") ")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if rest[0] != "Z":
            parents[int(name.split(" ")[0])] = int(rest.split()[1])
    found, due = dict[int, str](), {pid}
    while due := {child for child, parent in parents.items() if parent in due} - found.keys():
        for child in due:
            try:
                found[child] = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            except (FileNotFoundError, ProcessLookupError):
                found[child] = ""
    return found


def one(processes: dict[int, str], pattern: str) -> int:
    (pid,) = (pid for pid, command in processes.items() if re.search(pattern, command) and "guard.py" not in command)
    return pid


def gone(pids: dict[int, str], seconds: float = 20) -> bool:
    def left() -> list[int]:
        return [pid for pid, command in pids.items() if command and _command(pid) == command]

    limit = time.monotonic() + seconds
    while left() and time.monotonic() < limit:
        time.sleep(0.1)
    return not left()


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""
