"""Run one Pulumi program in this process, as the official host's executor does.

A script for the stand-in language host; nothing imports it. It uses no other room, so only the program's own folder is on the path.
Exit codes: 0 the program ended well, 32 it failed and the engine has been told why, 130 it was interrupted.
"""

import argparse
import asyncio
import logging
import os
import runpy
import signal
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

TOLD: Final = 32
"""The exit code by which the engine knows that nothing more needs to be said."""
INTERRUPTED: Final = 130


def arguments() -> argparse.Namespace:
    """The command line, in the official executor's terms."""
    parser = argparse.ArgumentParser(description="Run a Pulumi program for its language host.")
    for name in ("project", "root_directory", "stack", "pwd", "monitor", "engine", "organization"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--dry_run", choices=["true", "false"], default="false")
    parser.add_argument("program")
    parser.add_argument("rest", nargs="*")
    return parser.parse_args()


def configure(given: argparse.Namespace) -> None:
    """Hand the SDK its configuration and the addresses of monitor and engine."""
    import pulumi.runtime

    pulumi.runtime.set_all_config(pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env())
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            monitor=given.monitor,
            engine=given.engine,
            project=given.project,
            stack=given.stack,
            parallel=given.parallel,
            dry_run=given.dry_run == "true",
            organization=given.organization,
            root_directory=given.root_directory,
        )
    )


def trace(error: BaseException, program: Path) -> str:
    """The traceback from the program's first frame on; whole when the program has none in it."""
    found = error.__traceback__
    while found and program not in Path(found.tb_frame.f_code.co_filename).resolve().parents:
        found = found.tb_next
    return "".join(traceback.format_exception(type(error), error, found or error.__traceback__))


def _execute(program: str) -> None:
    runpy.run_path(program, run_name="__main__")


def run(program: str) -> int:
    """Run the program to its end; tell the engine what went wrong, once. Returns the exit code."""
    import pulumi

    home = Path(program).resolve()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    executor = ThreadPoolExecutor(max_workers=max(pulumi.runtime.settings.SETTINGS.parallel or 1, 1) * 4)
    loop.set_default_executor(executor)
    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(lambda: _execute(program)))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return TOLD
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        pulumi.log.error("Program failed with an unhandled exception:\n" + trace(error, home if home.is_dir() else home.parent))
        return TOLD
    finally:
        executor.shutdown(wait=True)
        loop.close()
    return 0


def main() -> None:
    """Entry point of the child process."""
    # Until the program runs there is nothing to clean up, and a traceback out of an import helps nobody.
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    # Futures of a failed graph are never awaited; asyncio would write about each of them.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    given = arguments()
    configure(given)
    sys.argv = [given.program, *given.rest]
    os.chdir(given.pwd or ".")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = run(given.program)
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)


if __name__ == "__main__":
    main()
