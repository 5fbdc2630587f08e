"""Between the engine and a policy pack: learns the stack before the pack starts, as the official hosts do.

A pack written for `pulumi.policy` reads project, stack and configuration from its environment, but the engine tells them only
after the pack serves. So the host serves in its place, starts it when it knows, and forwards every call from then on.
"""

import functools
import json
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import grpc
from pulumi.runtime.proto import analyzer_pb2

from rehearsal.peers import own_server

T = TypeVar("T")
Configuration = analyzer_pb2.AnalyzerStackConfigureRequest

HANDSHAKE = "/pulumirpc.Analyzer/Handshake"
CONFIGURE_STACK = "/pulumirpc.Analyzer/ConfigureStack"
GRACE = 2.0
"""Seconds in which calls that wait are told why they wait in vain, before the server cancels them without a reason."""


class PolicyProxy(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """An Analyzer server that forwards raw messages to the pack behind it.

    `configuration` resolves when the engine has told it, or to None when the engine goes on without telling.
    """

    def __init__(self) -> None:
        self.configuration: Future[Configuration | None] = Future()
        self._pack: Future[grpc.Channel] = Future()
        self._server, self.port = own_server(ThreadPoolExecutor(max_workers=16))
        self._server.add_generic_rpc_handlers((self,))
        self._server.start()

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """One handler for every method, on raw bytes."""
        return grpc.unary_unary_rpc_method_handler(functools.partial(self._answer, details.method))

    def _answer(self, method: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        if method == HANDSHAKE:
            return b""
        if method == CONFIGURE_STACK:
            _settle(self.configuration, Configuration.FromString(request))
            return b""
        _settle(self.configuration, None)
        return self._forward(method, request, context)

    def _forward(self, method: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        try:
            answer: bytes = self._pack.result().unary_unary(method)(request)
        except grpc.RpcError as error:
            context.abort(error.code(), error.details())
            raise
        except Exception as error:
            context.abort(grpc.StatusCode.UNAVAILABLE, f"the policy pack did not start: {error}")
            raise
        return answer

    def attach(self, port: int) -> None:
        """Forward to the pack that serves `port`, after telling it what the engine told."""
        channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        told = self.configuration.result()
        if told is not None:
            channel.unary_unary(CONFIGURE_STACK)(told.SerializeToString())
        _settle(self._pack, channel)

    def refuse(self, reason: str) -> None:
        """Tell whoever waits for the pack, and whoever asks from now on, why there is none."""
        _fail(self.configuration, reason)
        _fail(self._pack, reason)

    def close(self, reason: str) -> None:
        """Stop serving; whoever still waits is told the reason."""
        self.refuse(reason)
        self._server.stop(GRACE)
        if self._pack.exception() is None:
            self._pack.result().close()


def environment(told: Configuration | None) -> dict[str, str]:
    """What a pack finds in its environment."""
    if told is None:
        return {}
    found = {
        "PULUMI_ORGANIZATION": told.organization,
        "PULUMI_PROJECT": told.project,
        "PULUMI_STACK": told.stack,
        "PULUMI_DRY_RUN": "true" if told.dry_run else "false",
        "PULUMI_CONFIG": json.dumps(dict(told.config)),
    }
    return {name: value for name, value in found.items() if value}


def _settle(future: Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: Future[Any], reason: str) -> None:
    if not future.done():
        future.set_exception(InterruptedError(reason))
