"""Signals that end a rehearsal: SIGINT, SIGTERM, SIGHUP. None of them leaves a stage half set.

While the engine runs it is asked to end, and what it did is told. At any other time the work is
broken off by an exception, and the stage is given back in order.
"""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Final, Self

from rehearsal.guarded import Guarded

HANDLED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE: Final = 30.0
"""Seconds that the engine has to end after it was asked; then it is asked again, which makes it
abandon what it waits for, and after as many seconds more it is killed."""


class Interrupted(BaseException):
    """A signal broke the work off."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number

    @property
    def code(self) -> int:
        """The exit code that a shell has for it."""
        return 128 + self.number


class Signals:
    """The signals of this process, from entering to leaving. In another than the main thread it does nothing.

    `received` are those that came. The first asks the child in the foreground to end, the second
    asks again, the third kills it.
    """

    def __init__(self) -> None:
        self.received: list[int] = []
        self._child: Guarded | None = None
        self._shared_terminal = self._patient = False
        self._held = False
        self._asked = 0
        self._timer: threading.Timer | None = None
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._met) for number in HANDLED}
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal returned
        self._before = {}

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Let nothing be broken off: what came is known from `received`."""
        before, self._held = self._held, True
        try:
            yield
        finally:
            self._held = before

    @contextlib.contextmanager
    def child(self, child: Guarded, *, shared_terminal: bool, patient: bool) -> Iterator[None]:
        """Pass what comes on to a child.

        One that shares our terminal has an interrupt from there already; with `patient` the first
        signal is not passed on.
        """
        self._child, self._asked = child, 0
        self._shared_terminal, self._patient = shared_terminal, patient
        try:
            yield
        finally:
            self._child = None
            if self._timer:
                self._timer.cancel()

    def check(self) -> None:
        """Raise Interrupted if a signal came."""
        if self.received:
            raise Interrupted(self.received[0])

    def _met(self, number: int, frame: FrameType | None) -> None:
        self.received.append(number)
        if self._child:
            first = self._patient and not self._asked
            self._press(told=first or (number == signal.SIGINT and self._shared_terminal))
        elif not self._held:
            raise Interrupted(number)

    def _press(self, *, told: bool = False) -> None:
        """Ask the child to end, more firmly each time."""
        child = self._child
        if child is None:
            return
        self._asked += 1
        if self._asked > 2:
            sys.stderr.write("groundwork: the engine does not end when asked; it is killed\n")
            child.strike()
            return
        if not told:
            child.ask()
        if self._timer:
            self._timer.cancel()
        self._timer = threading.Timer(PATIENCE, self._press)
        self._timer.daemon = True
        self._timer.start()
