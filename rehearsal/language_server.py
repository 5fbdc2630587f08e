"""The LanguageRuntime service for Python programs and policy packs, as the engine calls it.

Protocol: pulumi/language.proto. What each call does follows sdk/python/cmd/pulumi-language-python of pulumi/pulumi v3.259.0.
Calls that generate code or SDKs are not implemented: a rehearsal needs none of them.
"""

import json
import logging
import os
import queue
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import language_pb2 as language
from pulumi.runtime.proto import language_pb2_grpc, plugin_pb2

from rehearsal.children import Child, Children
from rehearsal.peers import own_server
from rehearsal.policy_proxy import PolicyProxy, environment
from rehearsal.pythons import Python, python_of

PROGRAM = Path(__file__).with_name("program.py")
TOLD = 32
"""Exit code of PROGRAM when the engine has been told what is wrong (rehearsal.program.TOLD, which is not imported: it loads the SDK)."""
ANALYZER = "analyzer"
Piece = tuple[str, bytes]


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """One engine's language host."""

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self.children = Children()

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Learn the engine's address when it attaches."""
        self.engine = request.engine_address
        return language.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Empty, context: grpc.ServicerContext) -> Any:
        """No version of its own: it belongs to the engine beside it."""
        return plugin_pb2.PluginInfo()

    def GetRequiredPackages(self, request: Any, context: grpc.ServicerContext) -> Any:
        """The provider plugins that the installed Pulumi packages name."""
        plugins = [
            plugin_pb2.PackageDependency(name=said["name"], kind="resource", version=said["version"], server=said.get("server", ""))
            for said in _python(request.info, context).plugins()
        ]
        return language.GetRequiredPackagesResponse(packages=plugins)

    def GetProgramDependencies(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Everything that is installed for the program."""
        found = _python(request.info, context).packages()
        return language.GetProgramDependenciesResponse(dependencies=[language.DependencyInfo(name=n, version=v) for n, v in found])

    def About(self, request: Any, context: grpc.ServicerContext) -> Any:
        """The interpreter, for `pulumi about`."""
        python = _python(request.info, context)
        version = subprocess.run([python.executable, "-c", "import platform; print(platform.python_version())"], capture_output=True)
        metadata = {"toolchain": "uv", "host": "stand-in of groundwork"}
        return language.AboutResponse(executable=str(python.executable), version=version.stdout.decode().strip(), metadata=metadata)

    def RuntimeOptionsPrompts(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Nothing to ask."""
        return language.RuntimeOptionsResponse()

    def InstallDependencies(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        """Nothing to install: the environment belongs to uv and is there before the engine is. Says which it is."""
        python = _python(request.info, context)
        yield language.InstallDependenciesResponse(stdout=f"{python.prefix} is kept by uv; nothing is installed here.\n".encode())

    def Cancel(self, request: Empty, context: grpc.ServicerContext) -> Empty:
        """Interrupt whatever runs."""
        threading.Thread(target=self.children.end_all).start()
        return Empty()

    def Run(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Run a program as a child process until it ends; its faults reach the engine through the engine's own log."""
        try:
            python = _python(request.info, context)
            environ = python.environ(os.environ) | {
                "PULUMI_CONFIG": json.dumps(dict(request.config)),
                "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
            }
            with self.children.started(self._command(python, request), Path(request.info.root_directory), environ) as child:
                _when_over(context, child.end)
                return _response(child.process.wait(), self.children.ending)
        except InterruptedError:
            return language.RunResponse(bail=True)
        except OSError as error:
            return language.RunResponse(error=f"the program could not be started: {error.strerror or error}")

    def _command(self, python: Python, request: Any) -> list[str]:
        given = {
            "monitor": request.monitor_address,
            "engine": self.engine,
            "project": request.project,
            "root_directory": request.info.root_directory,
            "stack": request.stack,
            "pwd": request.pwd,
            "dry_run": "true" if request.dryRun else "false",
            "parallel": str(request.parallel),
            "organization": request.organization,
        }
        flags = [part for name, value in given.items() if value for part in (f"--{name}", value)]
        # -P: beside the program's own folder, which runpy adds, nothing comes before the installed packages.
        return [str(python.executable), "-P", "-u", str(PROGRAM), *flags, request.info.entry_point, *request.args]

    def RunPlugin(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        """Run a policy pack, or any other plugin written in Python, and stream its output until it ends."""
        analyzer = request.kind == ANALYZER
        pieces = self._policy_pack(request, context) if analyzer else self._plugin(request, context)
        for name, data in pieces:
            field: dict[str, Any] = {name: int(data) if name == "exitcode" else data}
            yield language.RunPluginResponse(**field)

    def _plugin(self, request: Any, context: grpc.ServicerContext) -> Iterator[Piece]:
        python = _python(request.info, context)
        command = [str(python.executable), request.info.program_directory, *request.args]
        with self.children.started(command, Path(request.pwd), _environ(python, request), pipes=True) as child:
            _when_over(context, child.end)
            yield from _output(child)

    def _policy_pack(self, request: Any, context: grpc.ServicerContext) -> Iterator[Piece]:
        python, proxy = _python(request.info, context), PolicyProxy()
        _when_over(context, lambda: proxy.close("the engine went away"))
        yield "stdout", f"{proxy.port}\n".encode()
        folder = request.info.program_directory
        command = [str(python.executable), "-u", "-m", "pulumi.policy", *request.args, folder]
        try:
            environ = _environ(python, request) | environment(proxy.configuration.result())
            # A pack serves until it is terminated; an interrupt it would answer with a traceback.
            with self.children.started(command, Path(folder), environ, pipes=True, ended_by=signal.SIGTERM) as child:
                _when_over(context, child.end)
                assert child.process.stdout is not None
                first = child.process.stdout.readline()
                if first.strip().isdigit():
                    proxy.attach(int(first))
                    yield from _output(child)
                else:
                    yield from _failed_start(child, first, proxy)
        except InterruptedError:
            return
        finally:
            proxy.close("it ended")


def _python(info: Any, context: grpc.ServicerContext) -> Python:
    try:
        return python_of(Path(info.root_directory), MessageToDict(info.options), os.environ)
    except FileNotFoundError as error:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        raise


def _when_over(context: grpc.ServicerContext, act: Callable[[], None]) -> None:
    """Act when the call ends, or now if it has ended already."""
    if not context.add_callback(act):
        act()


def _environ(python: Python, request: Any) -> dict[str, str]:
    return python.environ(os.environ) | dict(pair.split("=", 1) for pair in request.env if "=" in pair)


def _response(code: int, ending: bool) -> Any:
    if code == 0:
        return language.RunResponse()
    if ending or code == TOLD:
        return language.RunResponse(bail=True)
    ended = f"was ended by signal {-code}" if code < 0 else f"exited with code {code}"
    return language.RunResponse(error=f"the program {ended}")


def _output(child: Child) -> Iterator[Piece]:
    """What a child writes, as it writes it, and its exit code at the end."""
    pieces: queue.SimpleQueue[Piece | None] = queue.SimpleQueue()

    def pump(name: str, stream: IO[bytes] | None) -> None:
        while stream is not None and (data := stream.read1(1 << 16)):  # type: ignore[attr-defined]
            pieces.put((name, data))
        pieces.put(None)

    streams = {"stdout": child.process.stdout, "stderr": child.process.stderr}
    for name, stream in streams.items():
        threading.Thread(target=pump, args=(name, stream), daemon=True).start()
    for _ in streams:
        while (piece := pieces.get()) is not None:
            yield piece
    yield "exitcode", str(child.process.wait()).encode()


def _failed_start(child: Child, first: bytes, proxy: PolicyProxy) -> Iterator[Piece]:
    """End a pack that wrote something else than its port, and pass on what it said: the engine shows the reason alone."""
    if first:
        child.ask()
    pieces = [("stdout", first), *_output(child)]
    said = b"".join(data for name, data in pieces if name != "exitcode").decode(errors="replace").strip()
    proxy.refuse(f"it ended before it served: {said[-2_000:] or 'it said nothing'}")
    yield from pieces


def _set_at_end(stream: IO[bytes], event: threading.Event) -> None:
    while stream.read(1 << 16):
        continue
    event.set()


def serve(engine: str) -> None:
    """Serve until the engine goes away: on SIGINT or SIGTERM, or when the pipe it holds to our standard input closes."""
    logging.getLogger("grpc").addHandler(logging.NullHandler())
    logging.getLogger("grpc").propagate = False
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    host = LanguageHost(engine)
    server, port = own_server(ThreadPoolExecutor(max_workers=32), options=[("grpc.max_receive_message_length", 400 << 20)])
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    print(port, flush=True)  # noqa: T201
    server.start()
    if stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
        threading.Thread(target=_set_at_end, args=(sys.stdin.buffer, stopping), daemon=True).start()
    stopping.wait()
    host.children.end_all()
    server.stop(grace=1).wait()
    # Threads of calls that the engine abandoned may still wait; nothing they could say would be read.
    os._exit(0)
