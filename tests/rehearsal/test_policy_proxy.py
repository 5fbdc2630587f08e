"""A policy pack that does not start: whoever waits for it is told why."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import grpc
import pytest

from rehearsal.policy_proxy import PolicyProxy

ANALYZE = "/pulumirpc.Analyzer/Analyze"


class BusyContext:
    """A call's context on a machine that has other things to do first."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def abort(self, code: grpc.StatusCode, details: str) -> NoReturn:
        time.sleep(0.2)
        self._context.abort(code, details)
        raise AssertionError("abort raises")


class BusyProxy(PolicyProxy):
    """Says when a call has come."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        super().__init__()

    def _forward(self, method: str, request: bytes, context: Any) -> bytes:
        self.arrived.set()
        return super()._forward(method, request, BusyContext(context))


def test_a_call_that_waits_for_the_pack_is_told_why_there_is_none_however_busy_the_machine() -> None:
    """Else the engine's last word is that its calls were cancelled."""
    proxy = BusyProxy()

    def told() -> tuple[grpc.StatusCode, str]:
        with grpc.insecure_channel(f"127.0.0.1:{proxy.port}") as channel, pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(ANALYZE)(b"", timeout=10)
        return caught.value.code(), caught.value.details()

    with ThreadPoolExecutor(1) as caller:
        waiting = caller.submit(told)
        assert proxy.arrived.wait(10)
        proxy.close("no rules today")
        assert waiting.result() == (grpc.StatusCode.UNAVAILABLE, "the policy pack did not start: no rules today")


def test_a_call_that_comes_late_is_told_why_there_is_no_pack() -> None:
    proxy = PolicyProxy()
    proxy.refuse("no rules today")
    with grpc.insecure_channel(f"127.0.0.1:{proxy.port}") as channel, pytest.raises(grpc.RpcError, match="no rules today"):
        channel.unary_unary(ANALYZE)(b"", timeout=10)
    proxy.close("it ended")
