"""Starts one command and tells what it used: `launcher.py FD COMMAND…` writes wall seconds, CPU seconds, peak KiB and wait status to
the descriptor.

A child's peak memory starts with what its parent had when it was forked, so the parent must be small: this imports nothing but `os`.
"""

import os
import sys
import time


def main() -> None:
    """Run the command; standard output and error are passed on."""
    report, command = int(sys.argv[1]), sys.argv[2:]
    os.set_inheritable(report, False)
    start = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(child, 0)
    used = usage.ru_utime + usage.ru_stime
    os.write(report, f"{time.perf_counter() - start} {used} {usage.ru_maxrss} {status}".encode())


if __name__ == "__main__":
    main()
