"""Files made to hurt are refused quickly, in little memory, without a traceback; in a process of their own that is measured."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

HEAD = 'config:\n  pulumi:disable-default-providers: ["*"]\n  groundwork:platform:\n    site: {cloud: aws}\n'

MEASURED = """
import contextlib, io, json, resource, sys
from pathlib import Path

def peak(found):
    # ru_maxrss begins with what the starter of this process had; VmHWM is of this process alone.
    status = Path("/proc/self/status")
    if not status.exists():
        return found.ru_maxrss / 1024
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM:")) / 1024

def used():
    found = resource.getrusage(resource.RUSAGE_SELF)
    return found.ru_utime + found.ru_stime, peak(found)

from operations import cli, review
start = used()[0]
for path in map(Path, sys.argv[1:]):
    before, told, code = used()[0], io.StringIO(), 0
    sys.argv = ["groundwork", "review", "--config", str(path)]
    try:
        with contextlib.redirect_stderr(told):
            cli.main()
    except SystemExit as end:
        code = end.code
    after, most = used()
    row = {"name": path.stem, "code": code, "told": told.getvalue(), "seconds": start + after - before, "mebibytes": most}
    print(json.dumps(row))
"""
"""The command line on one file after the other, in a process of its own, where memory can be measured.

`seconds` counts the start of the process for each file.
"""


def bomb() -> str:
    rows = ["    a: &a [x, x, x, x, x, x, x, x, x]"]
    rows += [f"    {chr(97 + n)}: &{chr(97 + n)} [{', '.join(['*' + chr(96 + n)] * 9)}]" for n in range(1, 20)]
    return HEAD + "\n".join(rows) + "\n"


def large(kib: int) -> str:
    row = "      name-{}: {{datasets: {{expire_after: 30d, keep_versions: 30d}}}}\n"
    return HEAD + "    endpoints:\n" + "".join(row.format(n) for n in range(kib * 1024 // len(row)))


HOSTILE: dict[str, tuple[Callable[[], str | bytes], str]] = {
    "anchors": (bomb, "is not read"),
    "deep-flow": (lambda: HEAD + "    a: " + "[" * 5_000 + "]" * 5_000 + "\n", "is nested more than 32 deep"),
    "deep-block": (lambda: HEAD + "".join(" " * (4 + n) + "a:\n" for n in range(1_200)), "is nested more than 32 deep"),
    "deep-unclosed": (lambda: HEAD + "    a: " + "{a: " * 5_000, "is nested more than 32 deep"),
    "200-kib": (lambda: large(200), "split the stack by layer"),
    "2-mib": (lambda: large(2_048), "a stack file is at most 1024 KiB"),
    "many-duplicates": (lambda: HEAD + "    a: 1\n" * 20_000, "more is refused than can be told"),
    "many-unknown-keys": (lambda: HEAD + "".join(f"    key{n}: 1\n" for n in range(3_000)), "is not a known key"),
    "long-text": (lambda: HEAD + "    owner: " + "a" * 60_000 + "\n", "1 to 40 lower-case letters"),
    "long-number": (lambda: HEAD + "    owner: " + "9" * 60_000 + "\n", "beyond 64 bits"),
    "long-quantity": (lambda: HEAD + "    network: {flow_log_retention: " + "9" * 60_000 + "d}\n", "network"),
    "long-key": (lambda: HEAD + "    ? " + "a" * 60_000 + "\n    : 1\n", "is not a known key"),
    "utf-16": (lambda: HEAD.encode("utf-16"), "save it as UTF-8"),
    "binary": (lambda: bytes(range(256)) * 40, "save it as UTF-8"),
    "nul": (lambda: HEAD + "    owner: a\0b\n", "the character"),
    "empty": (lambda: "", "is empty"),
    "only-a-comment": (lambda: "# nothing\n", "is empty"),
    "scalar": (lambda: "config\n", "must be a mapping"),
    "list": (lambda: "- config\n", "must be a mapping"),
    "markup": (lambda: HEAD + '    "</pre></details>\\n::error::": 1\n', "is not a known key"),
    "escape": (lambda: HEAD + '    owner: "\\e[2J\\e]0;x\\a"\n', "\\x1b"),
}


@dataclass(frozen=True)
class Outcome:
    name: str
    code: int
    told: str
    seconds: float
    """Of processor time, which unlike the clock does not depend on what else the machine does."""
    mebibytes: float


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    folder = tmp_path_factory.mktemp("hostile")
    for name, (make, _) in HOSTILE.items():
        content = make()
        (folder / f"{name}.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    files = [*sorted(folder.glob("*.yaml")), *sorted((Path(__file__).parent / "bad").glob("*.yaml"))]
    done = subprocess.run([sys.executable, "-c", MEASURED, *map(str, files)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    rows = [Outcome(**json.loads(line)) for line in done.stdout.splitlines()]
    assert len(rows) == len(files)
    return {row.name: row for row in rows}


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused_with_a_reason(name: str, outcomes: dict[str, Outcome]) -> None:
    assert HOSTILE[name][1] in outcomes[name].told
    assert "\x1b" not in outcomes[name].told


def test_every_refusal_takes_less_than_two_seconds_and_300_mb(outcomes: dict[str, Outcome]) -> None:
    assert {row.name: row.seconds for row in outcomes.values() if row.seconds >= 2} == {}
    assert max(row.mebibytes for row in outcomes.values()) < 300


def test_every_refusal_exits_with_three_and_no_traceback(outcomes: dict[str, Outcome]) -> None:
    assert {row.name: row.code for row in outcomes.values() if row.code != 3} == {}
    assert [row.name for row in outcomes.values() if "is not a valid configuration" not in row.told or "Traceback" in row.told] == []


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_what_is_no_file_is_a_fault_too(kind: str, tmp_path: Path) -> None:
    from infra.config import load_file
    from infra.reading.faults import ConfigFaults

    with pytest.raises(ConfigFaults, match="cannot be read: no such file" if kind == "missing" else "is not a file"):
        load_file(tmp_path / "nothing.yaml" if kind == "missing" else tmp_path)
