"""Other users of a machine are refused by the servers of a rehearsal, and the own user is not."""

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from rehearsal import peers
from rehearsal.language_server import LanguageHost
from rehearsal.policy_proxy import HANDSHAKE, PolicyProxy
from tests.rehearsal.conftest import Refused, StartClouds

linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells who opened a connection")
NOBODY = 65534
SOCKET = ("127.0.0.1", 0)


@contextlib.contextmanager
def another_user(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Connections are opened by another user than the servers' own; yields who the servers take it for."""
    if os.getuid():
        with monkeypatch.context() as changed:
            user = os.getuid()
            changed.setattr("rehearsal.peers.os.getuid", lambda: NOBODY)
            yield user
        return
    os.seteuid(NOBODY)
    try:
        yield NOBODY
    finally:
        os.seteuid(0)


@linux
def test_who_opened_a_connection_is_told_until_it_is_closed() -> None:
    assert peers.told()
    with socket.create_server(SOCKET) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            own = client.getsockname()[1]
            assert peers.opener(own, port) == os.getuid()
            with server.accept()[0]:
                client.shutdown(socket.SHUT_RDWR)
                assert peers.opener(own, port) is None, "closing"
        assert peers.opener(own, port) is None
        assert peers.opener(port, own) is None, "a port that only listens has connected to nobody"


@linux
def test_secrets_of_the_clouds_are_for_the_own_user(start_clouds: StartClouds, monkeypatch: pytest.MonkeyPatch) -> None:
    clouds = start_clouds()
    clouds.aws()
    with another_user(monkeypatch) as user, pytest.raises(Refused, match=f"of user {user}, and this server is for user"):
        clouds.aws()


@linux
def test_a_language_host_and_a_policy_proxy_are_for_the_own_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """A language host runs any program that it is told to."""
    from pulumi.runtime.proto import language_pb2_grpc

    server, port = peers.own_server(ThreadPoolExecutor(2))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageHost(""), server)
    server.start()
    proxy = PolicyProxy()
    asked = {port: "/pulumirpc.LanguageRuntime/GetPluginInfo", proxy.port: HANDSHAKE}
    for at, method in asked.items():
        assert call(at, method) == ""
        with another_user(monkeypatch) as user:
            assert f"of user {user}" in call(at, method)
    proxy.close("over")
    server.stop(0).wait()


def call(port: int, method: str) -> str:
    """What a server refuses a call with; "" for an answer."""
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        try:
            channel.unary_unary(method)(b"", timeout=20)
        except grpc.RpcError as error:
            return f"{error.code()} {error.details()}"
    return ""


@linux
def test_servers_of_a_rehearsal_listen_in_no_other_way() -> None:
    rooms = [path for path in Path(peers.__file__).parent.rglob("*.py") if path.name != "peers.py"]
    assert not [path.name for path in rooms if "add_insecure_port" in path.read_text() or "grpc.server(" in path.read_text()]


def test_a_system_that_does_not_tell_lets_calls_through_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rehearsal.peers.sys.platform", "darwin")
    peers.told.cache_clear()
    assert not peers.told()
    proxy = PolicyProxy()
    assert call(proxy.port, HANDSHAKE) == ""
    proxy.close("over")
    peers.told.cache_clear()
