"""Each way to an engine, with fakes on PATH: what is taken, what is refused, and what is said."""

import io
import os
import threading
import time
from pathlib import Path

import pytest

from rehearsal import engine as ways
from rehearsal.engine import DATA, VERSION, NoEngine, locate
from rehearsal.golang import Unavailable, cache
from rehearsal.watch import Failed, Meter, watched

FAKE_GO = """#!/bin/sh
echo "$@" >> "{calls}"
{before}
while [ $# -gt 0 ]; do [ "$1" = -o ] && out="$2"; shift; done
mkdir -p "$out"
printf '#!/bin/sh\\necho v{version}\\n' > "$out/pulumi"
chmod +x "$out/pulumi"
"""


FAKE_INSTALLER = """
import sys
from pathlib import Path
put = Path(sys.argv[1], "bin", "pulumi")
put.parent.mkdir(parents=True)
put.write_text(f"#!/bin/sh\\necho {sys.argv[2]}\\n")
put.chmod(0o755)
"""


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing on PATH but the system's own tools, an empty cache, and no way to the internet."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GROUNDWORK_ENGINE", raising=False)
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    return tmp_path / "bin"


def fake_go(bare: Path, *, before: str = "", version: str = VERSION) -> Path:
    calls = bare.parent / "calls"
    script(bare / "go", FAKE_GO.format(calls=calls, before=before, version=version))
    return calls


def fake_pulumi(folder: Path, version: str = VERSION, *, host: bool = True) -> None:
    script(folder / "pulumi", f"#!/bin/sh\necho v{version}\n")
    if host:
        script(folder / "pulumi-language-python", "#!/bin/sh\n")


@pytest.mark.parametrize("version", [VERSION, "3.260.0", "3.300.1-alpha.1"])
def test_the_engine_on_path_is_taken_when_it_is_new_enough(bare: Path, version: str) -> None:
    fake_pulumi(bare, version)
    found = locate()
    assert (found.path, found.version, found.way) == (bare / "pulumi", version, "path")


@pytest.mark.parametrize(
    ("version", "host", "why"),
    [("3.99.9", True, "older than"), ("4.0.0", True, "another major version"), (VERSION, False, "no pulumi-language-python")],
)
def test_an_engine_on_path_that_would_not_do_is_passed_over_with_a_reason(
    bare: Path, monkeypatch: pytest.MonkeyPatch, version: str, host: bool, why: str
) -> None:
    fake_pulumi(bare, version, host=host)
    monkeypatch.setenv("GROUNDWORK_ENGINE", "path")
    with pytest.raises(NoEngine, match=why):
        locate()


def test_a_program_of_that_name_that_is_something_else_is_passed_over(bare: Path) -> None:
    script(bare / "pulumi", "#!/bin/sh\necho hello\n")
    with pytest.raises(Unavailable, match="does not tell its version"):
        ways.on_path()


def test_when_no_way_works_every_reason_is_told_soon() -> None:
    started = time.monotonic()
    with pytest.raises(NoEngine) as told:
        locate(progress=lambda text: None)
    assert time.monotonic() - started < 15
    assert set(told.value.said) == {"path", "install", "source"}
    assert "no pulumi on PATH" in str(told.value)
    assert "cannot be reached" in told.value.said["install"]
    assert "no Go on PATH" in told.value.said["source"]
    assert "GROUNDWORK_ENGINE" in str(told.value)


def test_an_unknown_way_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDWORK_ENGINE", "magic")
    with pytest.raises(ValueError, match=r"magic.*path, install, source"):
        locate()


def test_the_source_way_builds_once_with_locked_modules_and_keeps_it(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, told = fake_go(bare), []
    monkeypatch.setenv("GROUNDWORK_ENGINE", "source")
    first, second = locate(told.append), locate(told.append)
    assert first == second
    assert first.way == "source"
    assert os.access(first.path.with_name("pulumi-language-python"), os.X_OK)
    assert len(calls.read_text().splitlines()) == 1
    assert "-mod=readonly" in calls.read_text()
    assert f"Version=v{VERSION}" in calls.read_text()
    assert any("building" in text and "at most" in text for text in told)


def test_one_of_several_processes_builds(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = fake_go(bare, before="sleep 1")
    monkeypatch.setenv("GROUNDWORK_ENGINE", "source")
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(locate(lambda text: None).path)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(calls.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("before", "version", "why"), [("echo verifying: checksum mismatch >&2; exit 1", VERSION, "checksum mismatch"), ("", "1.2.3", "not 3")]
)
def test_a_build_that_fails_leaves_nothing_and_says_why(
    bare: Path, monkeypatch: pytest.MonkeyPatch, before: str, version: str, why: str
) -> None:
    fake_go(bare, before=before, version=version)
    monkeypatch.setenv("GROUNDWORK_ENGINE", "source")
    with pytest.raises(NoEngine, match=why):
        locate(lambda text: None)
    assert [path.name for path in cache(ways.KEPT).iterdir()] == [".lock"]


def test_the_installer_is_kept_apart_from_a_build(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDWORK_ENGINE", "install")
    monkeypatch.setattr(ways, "REACH", "")
    monkeypatch.setattr(ways, "INSTALL", FAKE_INSTALLER)
    found = locate(lambda text: None)
    assert found.way == "install"
    assert found.path != ways.home("source") / "bin" / "pulumi"
    assert not found.path.with_name("pulumi-language-python").exists()


def test_the_locked_module_is_the_pinned_version() -> None:
    assert f"require github.com/pulumi/pulumi/pkg/v3 v{VERSION}" in (DATA / "go.mod").read_text()
    sums = [line.split() for line in (DATA / "go.sum").read_text().splitlines()]
    assert all(len(row) == 3 and row[2].startswith("h1:") for row in sums)
    assert {"github.com/pulumi/pulumi/pkg/v3", "github.com/pulumi/pulumi/sdk/v3"} <= {row[0] for row in sums if row[1] == f"v{VERSION}"}


def test_what_takes_too_long_is_killed_with_all_it_started(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    with pytest.raises(Failed, match="longer than"):
        watched(["/bin/sh", "-c", f"sleep 60 & echo $! > {pid}; wait"], 1, "waiting", lambda text: None, os.environ)
    for _ in range(50):
        if (
            not Path("/proc", pid.read_text().strip()).exists()
            or "Z" in Path("/proc", pid.read_text().strip(), "stat").read_text().split()[2]
        ):
            return
        time.sleep(0.1)
    pytest.fail("the child of the child is still running")


def test_progress_is_periodic_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    meter = Meter(stream, pause=0.2)
    for text in ("one", "two", "three"):
        meter(text)
    time.sleep(0.25)
    meter("four")
    assert stream.getvalue().splitlines() == ["one", "four"]


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", b"\x00" * 40])
def test_a_kept_engine_that_was_damaged_is_made_anew(bare: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    calls = fake_go(bare)
    monkeypatch.setenv("GROUNDWORK_ENGINE", "source")
    whole = locate(lambda text: None).path
    said = whole.read_bytes()
    whole.write_bytes(content)
    assert locate(lambda text: None).path.read_bytes() == said
    whole.with_name("pulumi-language-python").unlink()
    locate(lambda text: None)
    assert whole.with_name("pulumi-language-python").exists()
    assert len(calls.read_text().splitlines()) == 3


def test_a_kept_engine_that_was_only_touched_is_taken(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = fake_go(bare)
    monkeypatch.setenv("GROUNDWORK_ENGINE", "source")
    os.utime(locate(lambda text: None).path, (1, 1))
    locate(lambda text: None)
    assert len(calls.read_text().splitlines()) == 1
