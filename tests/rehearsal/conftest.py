"""Talk to the stand-in clouds as the engine does, without the engine: one connection per provider instance."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from rehearsal import servers, wire


class Refused(Exception):
    """The provider's error text."""


class Connection:
    """One provider instance, configured over its own connection."""

    def __init__(self, port: int, package: str, config: Mapping[str, Any] | None) -> None:
        self.package = package
        options = [("grpc.use_local_subchannel_pool", 1)]
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=options)
        self.stub = provider_pb2_grpc.ResourceProviderStub(self.channel)
        self.call("Handshake", provider_pb2.ProviderHandshakeRequest(engine_address="127.0.0.1:1"))
        self.call("Attach", plugin_pb2.PluginAttach(address="127.0.0.1:1"))
        if config is not None:
            self.configure(config)

    def call(self, method: str, request: Any) -> Any:
        try:
            return getattr(self.stub, method)(request, timeout=20)
        except grpc.RpcError as error:
            raise Refused(error.details()) from error

    def configure(self, config: Mapping[str, Any]) -> None:
        self.call("Configure", provider_pb2.ConfigureRequest(args=wire.encode(config), acceptSecrets=True))

    def urn(self, token: str, name: str) -> str:
        return f"urn:pulumi:test::groundwork::{token}::{name}"

    def check(self, token: str, name: str, inputs: Mapping[str, Any]) -> list[tuple[str, str]]:
        reply = self.call("Check", provider_pb2.CheckRequest(urn=self.urn(token, name), type=token, name=name, news=wire.encode(inputs)))
        return [(row.property, row.reason) for row in reply.failures]

    def create(self, token: str, name: str, inputs: Mapping[str, Any], *, preview: bool = False) -> tuple[str, dict[str, Any]]:
        request = provider_pb2.CreateRequest(
            urn=self.urn(token, name), type=token, name=name, properties=wire.encode(inputs), preview=preview
        )
        reply = self.call("Create", request)
        return reply.id, wire.decode(reply.properties)

    def read(self, token: str, name: str, id: str, state: Mapping[str, Any] | None = None) -> Any:
        given = wire.encode(state or {})
        reply = self.call("Read", provider_pb2.ReadRequest(id=id, urn=self.urn(token, name), type=token, properties=given, inputs=given))
        return reply.id, wire.decode(reply.properties), wire.decode(reply.inputs)

    def diff(
        self, token: str, name: str, id: str, old: Mapping[str, Any], new: Mapping[str, Any], state: Mapping[str, Any] | None = None
    ) -> Any:
        olds = wire.encode(old if state is None else state)
        request = provider_pb2.DiffRequest(
            id=id, urn=self.urn(token, name), type=token, olds=olds, old_inputs=wire.encode(old), news=wire.encode(new)
        )
        return self.call("Diff", request)

    def update(
        self, token: str, name: str, id: str, old: Mapping[str, Any], new: Mapping[str, Any], *, preview: bool = False
    ) -> dict[str, Any]:
        request = provider_pb2.UpdateRequest(
            id=id,
            urn=self.urn(token, name),
            type=token,
            olds=wire.encode(old),
            old_inputs=wire.encode(old),
            news=wire.encode(new),
            preview=preview,
        )
        return wire.decode(self.call("Update", request).properties)

    def delete(self, token: str, name: str, id: str, state: Mapping[str, Any] | None = None) -> None:
        given = wire.encode(state or {})
        self.call("Delete", provider_pb2.DeleteRequest(id=id, urn=self.urn(token, name), type=token, properties=given, old_inputs=given))

    def cancel(self) -> None:
        self.call("Cancel", empty_pb2.Empty())


class Clouds:
    """Running stand-in clouds and the connections of a test."""

    def __init__(self, path: Path, existing: Mapping[str, Any] | None, faults: Path | None) -> None:
        self.running = servers.start(path, existing=existing, faults=faults)
        self.store = self.running.store
        self.connections: list[Connection] = []

    def connect(self, package: str, config: Mapping[str, Any] | None) -> Connection:
        self.connections.append(Connection(self.running.ports[package], package, config))
        return self.connections[-1]

    def aws(self, region: str = "us-west-2", **config: Any) -> Connection:
        return self.connect("aws", {"region": region, "allowedAccountIds": '["111122223333"]', **config})

    def kubernetes(self, cluster: str = "one", **config: Any) -> Connection:
        return self.connect("kubernetes", {"clusterIdentifier": cluster, "kubeconfig": "{}", **config})

    def close(self) -> None:
        for connection in self.connections:
            connection.channel.close()
        self.running.stop()


StartClouds = Callable[..., Clouds]


@pytest.fixture
def start_clouds(tmp_path: Path) -> Iterator[StartClouds]:
    """Start clouds with a table of what exists and faults as YAML text; stopped after the test."""
    started: list[Clouds] = []

    def start(*, existing: Mapping[str, Any] | None = None, faults: str = "") -> Clouds:
        path = tmp_path / "faults.yaml"
        path.write_text(faults)
        started.append(Clouds(tmp_path / "cloud.db", existing, path if faults else None))
        return started[-1]

    yield start
    for clouds in started:
        clouds.close()


@pytest.fixture
def clouds(start_clouds: StartClouds) -> Clouds:
    """Clouds in which nothing exists and nothing goes wrong."""
    return start_clouds()


@pytest.fixture
def refused() -> type[Refused]:
    """The exception of a refused call."""
    return Refused
