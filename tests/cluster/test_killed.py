"""A rehearsal with API servers that is killed: none of its processes is left, and the next command waits for nobody."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rehearsal.control_plane.tools import KUBERNETES_PROVIDER, NoControlPlane, locate
from rehearsal.golang import Unavailable
from tests.cluster.conftest import give_up
from tests.rehearsal.toy import below, gone

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]
SERVERS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "pulumi", "pulumi-resource-kubernetes")
STARTED = 240.0
"""Seconds until all of them run, on a busy machine."""
NEXT = 150.0
"""Seconds that the next command may take; one that waited for etcd's lock took 600."""


def command(state: Path, *arguments: str) -> "subprocess.Popen[str]":
    run = [str(Path(sys.prefix) / "bin" / "groundwork"), "rehearse", *arguments, "--stack", "onprem"]
    environ = {**os.environ, "XDG_STATE_HOME": str(state)}
    with (state / "said").open("a") as said:
        return subprocess.Popen(run, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, stdout=said, stderr=said, text=True)


def running(processes: dict[int, str]) -> set[str]:
    """Those of the servers that run, by name."""
    names = {Path(line.split(" ")[0]).name for line in processes.values() if "guard.py" not in line}
    return names & set(SERVERS)


def test_a_killed_rehearsal_leaves_no_server_and_the_next_one_does_not_wait(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    try:
        locate(tools=[KUBERNETES_PROVIDER])
    except (NoControlPlane, Unavailable) as why:
        give_up(pytestconfig, why)
    process = command(tmp_path, "up", "--cluster", "--no-packs")
    limit = time.monotonic() + STARTED
    while running(processes := below(process.pid)) != set(SERVERS):
        assert process.poll() is None, (tmp_path / "said").read_text()[-2000:]
        assert time.monotonic() < limit, processes
        time.sleep(0.5)
    process.kill()
    process.wait()
    assert gone(processes)
    began = time.monotonic()
    after = command(tmp_path, "recover")
    assert after.wait(NEXT) == 0, (tmp_path / "said").read_text()[-2000:]
    assert time.monotonic() - began < NEXT
    assert "the engine's lock on onprem was stale" in (tmp_path / "said").read_text()
