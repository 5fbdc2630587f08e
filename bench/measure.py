"""Cold processes, measured from outside: wall time and peak memory of a child and what it waited for."""

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Any


class ChildFailed(Exception):
    """A measured command did not end with the exit code it should have; its output is the message."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: `seconds` of wall time and of all processors (`cpu`), `mebibytes` at the peak."""

    seconds: float
    cpu: float
    mebibytes: float


@dataclass(frozen=True, slots=True)
class Series:
    """All runs of one case."""

    name: str
    samples: tuple[Sample, ...]

    @property
    def seconds(self) -> float:
        """Median wall time."""
        return statistics.median(sample.seconds for sample in self.samples)

    @property
    def cpu(self) -> float:
        """Median processor time; it wavers less than wall time on a machine that does other things too."""
        return statistics.median(sample.cpu for sample in self.samples)

    @property
    def mebibytes(self) -> float:
        """Median of the peak memory."""
        return statistics.median(sample.mebibytes for sample in self.samples)

    def to_json(self) -> dict[str, Any]:
        """Medians and every sample."""
        median = {"seconds": round(self.seconds, 4), "cpu": round(self.cpu, 4), "mebibytes": round(self.mebibytes, 1)}
        return {"name": self.name, "median": median, "samples": [asdict(sample) for sample in self.samples]}


def run(command: Sequence[str], *, cwd: Path, env: Mapping[str, str], allowed: Sequence[int] = (0,)) -> Sample:
    """Run a command once. `allowed` are the exit codes that count as done. Raises ChildFailed otherwise."""
    reading, writing = os.pipe()
    launcher = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launcher.py")), str(writing), *command]
    with open(reading, encoding="ascii") as report:
        done = subprocess.run(launcher, cwd=cwd, env=dict(env), pass_fds=(writing,), stdout=PIPE, stderr=STDOUT, text=True)
        os.close(writing)
        told = report.read().split()
    code = os.waitstatus_to_exitcode(int(told[3])) if told else done.returncode
    if not told or code not in allowed:
        raise ChildFailed(f"{' '.join(command)} ended with {code}:\n{done.stdout[-4000:]}")
    return Sample(float(told[0]), float(told[1]), int(told[2]) / 1024)


Case = Callable[[], Sample]


def alternate(cases: Mapping[str, Case], rounds: int, progress: Callable[[str], None]) -> dict[str, Series]:
    """Run every case once a round, in turns that reverse, after one round that is not counted; so drift of the machine hits all alike."""
    found: dict[str, list[Sample]] = {name: [] for name in cases}
    for turn in range(rounds + 1):
        for name in list(cases) if turn % 2 else list(cases)[::-1]:
            progress(f"{name} ({'warm-up' if turn == 0 else f'{turn}/{rounds}'})")
            sample = cases[name]()
            if turn:
                found[name].append(sample)
    return {name: Series(name, tuple(samples)) for name, samples in found.items()}
