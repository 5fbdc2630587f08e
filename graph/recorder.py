"""Run a Pulumi program in process and keep the graph it draws, without engine, cloud or network."""

import asyncio
import contextlib
import contextvars
import functools
import gc
import inspect
import logging
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pulumi
import pulumi.runtime
from pulumi.runtime import resource, settings
from pulumi.runtime.proto import source_pb2
from pulumi.runtime.stack import run_in_stack, wait_for_rpcs

from graph import checks
from graph.model import Graph
from graph.monitor import Recorder, References, Refused, denies_default_providers

__all__ = ["ProgramHung", "Refused", "record"]

logger = logging.getLogger(__name__)

ORGANISATION = "organization"
"""What the engine calls the organisation of a backend that has none; recorded programs are told this one."""

TICK = 0.25
"""Seconds between two looks at whether a program still moves."""


class ProgramHung(TimeoutError):
    """The program waits for something that never comes; the message names the resources that were not registered."""


def record(
    program: Callable[[], object],
    *,
    project: str,
    stack: str,
    config: Mapping[str, str],
    secret_keys: Collection[str] = (),
    unknowns: bool = False,
    references: References | None = None,
    patience: float = 20.0,
    deadline: float = 600.0,
) -> Graph:
    """The graph that `program` draws, as the engine would be given it.

    Outputs are known and of the right form, or with `unknowns` as unknown as in an engine preview. `references` holds the outputs of other
    stacks that it may refer to, by their full names. `patience` is how many seconds the
    program may wait without registering anything, `deadline` how many it may take at all. Calls do not affect each other.
    Raises what the program raises; GraphFaults with everything the engine would refuse; Refused for what cannot be recorded;
    ProgramHung.
    """
    recorder = Recorder(project, stack, unknowns=unknowns, references=references)
    prepare = functools.partial(_prepare, recorder, dict(config), list(secret_keys))
    with _no_collection(), _no_positions():
        _in_own_thread(lambda: _run(program, prepare, recorder, patience), deadline)
    graph = Graph(project, stack, recorder.recorded(), recorder.stack_outputs())
    found = checks.faults(graph, functools.partial(denies_default_providers, config))
    if found:
        raise checks.GraphFaults(found)
    return graph


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Hold the garbage collector: everything a program makes lives until its end, and looking for garbage in it took two thirds."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextlib.contextmanager
def _no_positions() -> Iterator[None]:
    """Keep the SDK from reading the call stack at each registration: a graph has no source positions, and reading took a seventh."""
    kept = resource._get_stack_trace
    resource._get_stack_trace = source_pb2.StackTrace
    try:
        yield
    finally:
        resource._get_stack_trace = kept


def _prepare(recorder: Recorder, config: dict[str, str], secret_keys: list[str]) -> None:
    """Point the SDK's ambient state of the current context at the recorder; the root stack is made when the program runs."""
    settings.set_root_resource(_Placeholder)  # type: ignore[arg-type]  # keeps set_mocks from making a stack of its own
    pulumi.runtime.set_mocks(
        recorder.mocks,
        project=recorder.project,
        stack=recorder.stack,
        preview=recorder.unknowns,
        logger=logger,
        monitor=recorder,
        organization=ORGANISATION,
    )
    settings.set_root_resource(None)  # type: ignore[arg-type]
    settings.SETTINGS.outputs = set()
    settings.SETTINGS.lock = threading.Lock()
    settings.SETTINGS.package_refs = {}
    settings.SETTINGS.base_providers_by_ref = {}
    pulumi.runtime.set_all_config(config, secret_keys)


class _Placeholder:
    """Stands where a root stack would while the SDK is being pointed at the recorder."""


class _Inline(ThreadPoolExecutor):
    """Runs what the SDK would send to a thread at once: the recorder never blocks, and the order of registrations is the program's."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call `fn` now; the future is already done."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # the future carries it to whoever awaits
            future.set_exception(error)
        return future


def _in_own_thread(work: Callable[[], None], deadline: float) -> None:
    """Run `work` in a thread and a copy of the context of its own; raise what it raises, or ProgramHung after `deadline` seconds."""
    raised: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # handed to the caller below
            raised.append(error)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(guarded,), name="recorder", daemon=True)
    thread.start()
    thread.join(deadline)
    if thread.is_alive():
        raise ProgramHung(f"the program was still running after {deadline:g} seconds")
    if raised:
        raise raised[0]


def _run(program: Callable[[], object], prepare: Callable[[], None], recorder: Recorder, patience: float) -> None:
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        asyncio.set_event_loop(loop)
        loop.set_default_executor(_Inline(max_workers=1))
        loop.set_exception_handler(lambda _, context: logger.debug("left over: %s", context.get("message")))
        prepare()
        runner.run(_watched(program, recorder, patience), context=contextvars.copy_context())


async def _watched(program: Callable[[], object], recorder: Recorder, patience: float) -> None:
    raised: list[BaseException] = []
    begun: list[str] = []

    async def guarded() -> None:
        pulumi.runtime.register_stack_transformation(lambda made: begun.append(f"{made.type_} {made.name}"))
        try:
            result = program()
            if inspect.isawaitable(result):
                await result
            await _settled()
        except BaseException as error:
            raised.append(error)
            raise

    running = asyncio.ensure_future(run_in_stack(guarded))
    finished = await _finishes(running, recorder, patience)
    if raised:
        raise raised[0]
    if not finished:
        waiting = Counter(begun) - Counter(f"{resource.type} {resource.name}" for resource in recorder.registered)
        raise ProgramHung(f"nothing was registered for {patience:g} seconds; waiting: {', '.join(sorted(waiting)) or 'an output'}")
    await running


async def _settled() -> None:
    """Wait for all outputs, each once. The SDK waits for any of them, again and again: with 500 resources, a quarter of the whole time."""
    while True:
        await wait_for_rpcs(await_all_outstanding_tasks=False)
        pending = list(settings.SETTINGS.outputs)
        settings.SETTINGS.outputs.clear()
        if not pending:
            return
        for task in pending:
            await task


async def _finishes(running: "asyncio.Future[None]", recorder: Recorder, patience: float) -> bool:
    """Whether the program ends; False once it has registered nothing for `patience` seconds."""
    still, seen = 0, -1
    while not running.done():
        await asyncio.wait([running], timeout=TICK)
        still, seen = (still + 1, seen) if recorder.answered == seen else (0, recorder.answered)
        if still * TICK >= patience:
            return False
    return True
