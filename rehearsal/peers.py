"""The user behind each connection to a server of ours on loopback; other users of the machine are refused.

The engine dials debug providers and language hosts without credentials, so no token is possible. The kernel
says who opened the other end of a TCP connection: sock_diag(7), asked for one socket, as `ss` does for all.
"""

import functools
import os
import re
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any, Final

import grpc

SOCK_DIAG: Final = 4
"""NETLINK_SOCK_DIAG of linux/netlink.h."""
BY_FAMILY: Final = 20
"""SOCK_DIAG_BY_FAMILY of linux/sock_diag.h, and the type of its answer."""
HEADER: Final = struct.Struct("=IHHII")
"""struct nlmsghdr: length, type, flags, sequence, port."""
ASKED: Final = struct.Struct("=BBBBI")
"""The start of struct inet_diag_req_v2: family, protocol, extensions, padding, states."""
SOCKET: Final = struct.Struct("!HH16s16s")
"""The start of struct inet_diag_sockid: ports, then addresses, in network order; interface and cookie follow."""
ANY: Final = struct.pack("=I", 0) + b"\xff" * 8
"""Any interface, and INET_DIAG_NOCOOKIE."""
FOUND: Final = struct.Struct("=BBBB48sIIII")
"""The start of struct inet_diag_msg: family, state, timer, retransmissions, socket, expiry, queues, user."""
REQUEST: Final = 1
"""NLM_F_REQUEST."""
OPEN: Final = (1, 8)
"""TCP_ESTABLISHED and TCP_CLOSE_WAIT: a socket that is closing belongs to nobody any more."""
PEER: Final = re.compile(r"ipv4:127\.0\.0\.1:(\d+)")
KINDS: Final = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")

UNCHECKED: Final = (
    "other users of this machine can connect to the stand-in clouds and read what they hold: this system does not tell "
    "who opened a connection (Linux does)"
)


class NotTold(OSError):
    """The system does not say who opened a connection."""


def opener(client: int, server: int) -> int | None:
    """The user id behind the TCP connection between two ports of 127.0.0.1; None when it is not open.

    Raises NotTold where the system does not say.
    """
    loopback = socket.inet_aton("127.0.0.1")
    body = ASKED.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF) + SOCKET.pack(client, server, loopback, loopback) + ANY
    message = HEADER.pack(HEADER.size + len(body), BY_FAMILY, REQUEST, 1, 0) + body
    if sys.platform != "linux":
        raise NotTold("sock_diag is Linux's")
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG) as kernel:
            kernel.send(message)
            answer = kernel.recv(4096)
    except OSError as error:
        raise NotTold(str(error)) from error
    return _user(answer)


def _user(answer: bytes) -> int | None:
    _, kind, *_ = HEADER.unpack_from(answer)
    if kind != BY_FAMILY:
        return None
    _, state, *_, user = FOUND.unpack_from(answer, HEADER.size)
    return int(user) if state in OPEN else None


@functools.cache
def told() -> bool:
    """Whether this system says who opened a connection: it is asked about one of our own."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        try:
            return opener(client.getsockname()[1], server.getsockname()[1]) == os.getuid()
        except NotTold:
            return False


class OwnUserOnly(grpc.ServerInterceptor):  # type: ignore[misc]  # grpc has no types
    """Refuses every call of another user than the server's own, and of root, with PERMISSION_DENIED. Set `port` once it is known.

    Each call is asked about: a port goes to somebody else when its connection has ended. That takes
    about 10 microseconds. Where `told` is False every call is let through.
    """

    def __init__(self) -> None:
        self.port = 0

    def intercept_service(self, continuation: Callable[[Any], Any], details: Any) -> Any:
        """The handler of a call, behind the check."""
        handler = continuation(details)
        if handler is None or not told():
            return handler
        (kind,) = (kind for kind in KINDS if getattr(handler, kind))
        build = getattr(grpc, f"{kind}_rpc_method_handler")
        return build(self._checked(getattr(handler, kind)), handler.request_deserializer, handler.response_serializer)

    def _checked(self, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        def checked(request: Any, context: grpc.ServicerContext) -> Any:
            refused = self.refusal(context.peer())
            if refused:
                context.abort(grpc.StatusCode.PERMISSION_DENIED, refused)
            return behaviour(request, context)

        return checked

    def refusal(self, peer: str) -> str:
        """Why a peer is refused, as gRPC spells it; "" for one of the own user."""
        found = PEER.fullmatch(peer)
        user = opener(int(found[1]), self.port) if found else None
        if user in (os.getuid(), 0):
            return ""
        who = "it is not known whose this connection is" if user is None else f"this connection is of user {user}"
        return f"{who}, and this server is for user {os.getuid()} alone"


def own_server(threads: Any, **more: Any) -> tuple[grpc.Server, int]:
    """A gRPC server on a free port of 127.0.0.1 that answers its own user alone, and that port. It is not started yet."""
    check = OwnUserOnly()
    server = grpc.server(threads, interceptors=(check,), **more)
    check.port = server.add_insecure_port("127.0.0.1:0")
    return server, check.port
