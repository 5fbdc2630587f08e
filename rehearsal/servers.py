"""Start and stop the stand-in clouds: gRPC servers on the loopback interface, in threads of this process.

Nothing of gRPC or of a provider SDK is imported before `start`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rehearsal.keeper import STAND_IN

if TYPE_CHECKING:
    import grpc

    from rehearsal.cloud import Cloud
    from rehearsal.faults import Faults
    from rehearsal.store import Object, Store

WORKERS = 64
"""Threads for each cloud. The engine runs at most 16 steps at once by default, each waiting on one call; `--parallel` may raise it."""

GRACE = 5.0
"""Seconds a call may still take when the servers stop."""

MESSAGE_LIMIT = 400 * 1024 * 1024
"""Bytes of one message, as the engine allows them (pulumi/pulumi sdk/go/common/util/rpcutil: 400 MB)."""


class ExistingInvalid(ValueError):
    """The stage's table of what exists already cannot be used; the message says which key is wrong."""


@dataclass(slots=True)
class Running:
    """Stand-in clouds that answer. `ports` maps a package to its port on 127.0.0.1."""

    ports: Mapping[str, int]
    store: "Store"
    faults: "Faults"
    _servers: tuple["grpc.Server", ...]
    _clouds: tuple["Cloud", ...] = ()
    keeper: str = STAND_IN

    @property
    def notes(self) -> Sequence[str]:
        """What a person should know of the servers."""
        from rehearsal.peers import UNCHECKED, told

        return () if told() else (UNCHECKED,)

    @property
    def debug_providers(self) -> str:
        """The value of PULUMI_DEBUG_PROVIDERS that sends the engine here."""
        return ",".join(f"{package}:{port}" for package, port in self.ports.items())

    def stop(self) -> None:
        """Let running calls end, refuse new ones, close the store. Doing it again does nothing."""
        servers, self._servers = self._servers, ()
        for stopping in [server.stop(GRACE) for server in servers]:
            stopping.wait()
        if servers:
            self.store.close()

    def discard(self, found: "Object") -> str:
        """Take an object out of its cloud whatever holds it; what the cloud says against it, or ""."""
        from rehearsal.answers import CloudError

        (cloud,) = (cloud for cloud in self._clouds if cloud.package == found.package)
        refused = ""
        with self.store.transaction() as txn:
            try:
                cloud.release(txn, found)
            except CloudError as error:
                refused = str(error)
            txn.remove(found)
        return refused

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start(
    store_path: Path,
    *,
    existing: Mapping[str, Any] | None = None,
    faults: Path | None = None,
    pace: float = 0.0,
    packages: Sequence[str] = ("aws", "kubernetes"),
    reached: Mapping[str, Mapping[str, Any]] | None = None,
) -> Running:
    """Serve `aws` and `kubernetes` over the store at `store_path`, which is made when it is not there.

    `existing` says what the rehearsal finds without making it:

        account: "111122223333"                   # whose credentials it pretends to have; default: what the provider allows
        objects: {"aws:ec2/vpc:Vpc": [vpc-0abc]}  # ids, ARNs or names by type, as shell patterns
        namespaces: {"*": [monitoring]}           # by cluster identity, as a shell pattern

    `packages` are those that are served. `reached` holds outputs of EKS clusters by name, where real API servers stand for them.
    `faults` is a file of `rehearsal.faults`. `pace` is how long a creation or deletion takes, as a part of what it takes in a real cloud
    (see graph.types.latency): at 0 none waits, at 1 all take their time.

    Raises ExistingInvalid, `rehearsal.faults.FaultsInvalid`, and ValueError for a store of another format.
    """
    from rehearsal import aws, kubernetes
    from rehearsal.faults import Faults, read
    from rehearsal.store import Store

    known = {"account", "objects", "namespaces"}
    given = dict(existing or {})
    if given.keys() - known:
        raise ExistingInvalid(f"existing: unknown key {', '.join(sorted(given.keys() - known))}; known are {', '.join(sorted(known))}")
    struck = Faults(read(faults) if faults else ())
    namespaces = kubernetes.Existing(given.get("namespaces", {}))
    clouds: tuple[Cloud, ...] = (
        aws.Aws(aws.Existing(str(given.get("account", "")), given.get("objects", {})), reached),
        kubernetes.Kubernetes(namespaces),
    )
    store = Store(store_path)
    served = {cloud.package: _serve(cloud, store, struck, pace) for cloud in clouds if cloud.package in packages}
    ports = {package: port for package, (_, port) in served.items()}
    return Running(ports, store, struck, tuple(server for server, _ in served.values()), clouds)


def _serve(cloud: Any, store: "Store", faults: "Faults", pace: float) -> tuple["grpc.Server", int]:
    from concurrent.futures import ThreadPoolExecutor

    from pulumi.runtime.proto import provider_pb2_grpc

    from rehearsal.peers import own_server
    from rehearsal.provider import Provider

    limits = [("grpc.max_receive_message_length", MESSAGE_LIMIT), ("grpc.max_send_message_length", MESSAGE_LIMIT), ("grpc.so_reuseport", 0)]
    server, port = own_server(ThreadPoolExecutor(WORKERS, thread_name_prefix=f"stand-in-{cloud.package}"), options=limits)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(cloud, store, faults, pace), server)
    server.start()
    return server, port
