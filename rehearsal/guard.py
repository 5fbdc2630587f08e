"""A guard around one command: the command is ended when the process that asked for it is gone.

A script of the standard library alone: `python -I -S guard.py PIPE SIGNAL GRACE COMMAND…`; nothing
imports it. PIPE is the read end of a pipe from the asking process. Each byte in it sends SIGNAL to
the command, and the byte KILL kills it. Its end means that the asking process has ended: the command is then sent SIGNAL, and
killed after GRACE seconds. The guard ends as its command does, and leaves nothing that this has
started, whatever process group it has put it in (Linux; elsewhere its own group alone).
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
PR_SET_CHILD_SUBREAPER = 36
"""prctl(2): whatever is left of the command's children becomes a child of this process."""
PROC = "/proc"
PAUSE = 0.02
"""Seconds between two looks at what is left."""
LOOKS = 100
KILL = b"9"
HANDLED = (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that do not end the guard before its command."""
CANNOT_START = 127
"""Exit code of a command that could not be started, as a shell has it."""


def start(command: list[str]) -> int:
    """Start the command, to be killed with the guard; returns its process id.

    A hang-up does not reach it: the asking process decides what a closed terminal means.
    """
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if library:
        library.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
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


def started() -> list[int]:
    """Every process below this one that has not ended; none where the system does not show them."""
    parents = {}
    for name in os.listdir(PROC) if sys.platform == "linux" else ():
        if name.isdigit():
            try:
                with open(f"{PROC}/{name}/stat", "rb") as file:
                    state, parent, *_ = file.read().rpartition(b") ")[2].split()
            except OSError:
                continue
            if state != b"Z":
                parents[int(name)] = int(parent)
    below, found = {os.getpid()}, set[int]()
    while below := {pid for pid, parent in parents.items() if parent in below} - found:
        found |= below
    return sorted(found)


def clear() -> None:
    """Kill all that the command has started and left."""
    for _ in range(LOOKS):
        left = started()
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if not left:
            return
        time.sleep(PAUSE)


def kill(child: int) -> None:
    """Kill the command with all that it has started."""
    clear()
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
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended == child:
            clear()
            leave(status)
        if ended:
            continue
        if killed_at is not None and time.monotonic() >= killed_at:
            kill(child)
        ready = {end for end, _ in waiting.poll(None if killed_at is None else 100)}
        if awake in ready:
            os.read(awake, 4096)
        if asker in ready:
            said = os.read(asker, 1)
            if said == KILL:
                kill(child)
            os.kill(child, number)
            if not said:
                waiting.unregister(asker)
                killed_at = time.monotonic() + grace


if __name__ == "__main__":
    main()
