"""Run a program against plain mocks: every resource gets `<name>-id` and its inputs back. `python -m bench.mocked PROGRAM`."""

import asyncio
import runpy
import sys
from typing import NoReturn

import pulumi
from pulumi.runtime.stack import wait_for_rpcs


class Plain(pulumi.runtime.Mocks):
    """Registers whatever comes."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, object]]:
        """The inputs are the outputs."""
        return f"{args.name}-id", dict(args.inputs)

    def call(self, args: pulumi.runtime.MockCallArgs) -> NoReturn:
        """No program of ours may invoke. Raises RuntimeError."""
        raise RuntimeError(f"the program calls {args.token}")


async def _run(program: str) -> None:
    runpy.run_path(program, run_name="__main__")
    await wait_for_rpcs()


if __name__ == "__main__":
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    pulumi.runtime.set_mocks(Plain(), project="groundwork", stack="bench")
    loop.run_until_complete(_run(sys.argv[1]))
