"""A guard around one command: the command is ended when the process that asked for it is gone.

A script of the standard library alone: `python -I -S guard.py PIPE SIGNAL GRACE COMMAND…`; nothing
imports it. PIPE is the read end of a pipe from the asking process. Each byte in it sends SIGNAL to
the command. Its end means that the asking process has ended: the command is then sent SIGNAL, and
killed after GRACE seconds. The guard ends as its command does.
"""

import ctypes
import os
import select
import signal
import sys
import time
from typing import NoReturn

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that the kernel sends when the parent ends. Linux alone has it."""
HANDLED = (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that do not end the guard before its command."""
CANNOT_START = 127
"""Exit code of a command that could not be started, as a shell has it."""


def start(command: list[str]) -> int:
    """Start the command, to be killed with the guard; returns its process id.

    A hang-up does not reach it: the asking process decides what a closed terminal means.
    """
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    guard = os.getpid()
    # Held back until the child has the default answers to them: what is asked early is not lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    child = os.fork()
    if child:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
        return child
    for number in HANDLED:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
    if library:
        library.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:
            os._exit(CANNOT_START)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
        os._exit(CANNOT_START)


def leave(status: int) -> NoReturn:
    """End as a child of this wait status did."""
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if number and number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    if number:
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else CANNOT_START)


def kill(child: int) -> None:
    """Kill the command, with its whole process group where that is the guard's own."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os.kill(child, signal.SIGKILL)


def main() -> None:
    """Run the command to its end."""
    asker, number, grace = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    os.set_inheritable(asker, False)
    awake, wake = os.pipe()
    os.set_blocking(awake, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for handled in HANDLED:
        signal.signal(handled, lambda *_: None)
    child = start(sys.argv[4:])
    waiting = select.poll()
    for end in (asker, awake):
        waiting.register(end, select.POLLIN | select.POLLHUP)
    killed_at: float | None = None
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            leave(status)
        if killed_at is not None and time.monotonic() >= killed_at:
            kill(child)
        ready = {end for end, _ in waiting.poll(None if killed_at is None else 100)}
        if awake in ready:
            os.read(awake, 4096)
        if asker in ready:
            os.kill(child, number)
            if not os.read(asker, 1):
                waiting.unregister(asker)
                killed_at = time.monotonic() + grace


if __name__ == "__main__":
    main()
