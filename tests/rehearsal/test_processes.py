"""Servers that end with their starter, and a data folder that somebody else holds."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal.control_plane.processes import DidNotStart, Server, wait_until_free
from tests.rehearsal.test_guard import ROOT, running, until

STARTER = """
import sys, time
from pathlib import Path
from rehearsal.control_plane.processes import Server
server = Server("sleeper", ["/bin/sh", "-c", "echo $$ > pid; exec sleep 60"], Path(sys.argv[1]))
time.sleep(60)
"""


def test_a_server_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    starter = subprocess.Popen([sys.executable, "-c", STARTER, str(tmp_path)], cwd=ROOT)
    assert until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    starter.kill()
    starter.wait()
    assert until(lambda: not running(int((tmp_path / "pid").read_text())))


def test_a_server_that_ends_early_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    server = Server("short", ["/bin/sh", "-c", "echo no room; exit 3"], tmp_path)
    with pytest.raises(DidNotStart, match="short ended with code 3: no room"):
        server.wait_until(lambda: False, 20)
    server.stop()


def test_a_locked_data_folder_is_named_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "db"
    wait_until_free(path, 0)
    path.touch()
    wait_until_free(path, 0)
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(DidNotStart, match=rf"db is locked by process {os.getpid()}"):
            wait_until_free(path, 0.2)
    wait_until_free(path, 0)
