"""What every stand-in provider does whatever its cloud: connections, faults at each side of the deed, refusals, parallel calls."""

import threading
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from rehearsal import servers, wire
from rehearsal.faults import FaultsInvalid

VPC = "aws:ec2/vpc:Vpc"
INPUTS = {"cidrBlock": "10.0.0.0/16"}


def fault(**row: Any) -> str:
    fields = ", ".join(f"{name}: {value}" for name, value in row.items())
    return f"faults:\n- {{{fields}}}\n"


def test_the_version_is_the_sdks(clouds: Any) -> None:
    from importlib.metadata import version

    for package, connection in (("pulumi-aws", clouds.aws()), ("pulumi-kubernetes", clouds.kubernetes())):
        assert connection.call("GetPluginInfo", empty_pb2.Empty()).version == version(package)


@pytest.mark.parametrize(
    ("method", "message", "told"),
    [
        ("Invoke", provider_pb2.InvokeRequest(tok="aws:index/getRegion:getRegion"), "pin the value in the stack file"),
        ("Construct", provider_pb2.ConstructRequest(type="awsx:ec2:Vpc"), "builds no remote components"),
        ("Call", provider_pb2.CallRequest(tok="x"), "has no methods"),
        ("GetSchema", provider_pb2.GetSchemaRequest(), "no schema document"),
    ],
)
def test_what_is_not_done_is_refused_with_a_reason(clouds: Any, refused: type[Exception], method: str, message: Any, told: str) -> None:
    with pytest.raises(refused, match=told):
        clouds.aws().call(method, message)


def test_a_handshake_forgets_what_the_port_was_before(clouds: Any, refused: type[Exception]) -> None:
    aws = clouds.aws()
    aws.create(VPC, "v", INPUTS)
    aws.call("Handshake", provider_pb2.ProviderHandshakeRequest(engine_address="x"))
    with pytest.raises(refused, match="was never configured"):
        aws.create(VPC, "w", INPUTS)


def test_before_means_nothing_happened(start_clouds: Any, refused: type[Exception]) -> None:
    clouds = start_clouds(faults=fault(operation="create", error="insufficient-capacity"))
    aws = clouds.aws()
    with pytest.raises(refused, match="InsufficientInstanceCapacity"):
        aws.create(VPC, "v", INPUTS)
    assert clouds.store.empty
    aws.create(VPC, "v", INPUTS)


def test_after_means_it_happened_and_nobody_was_told(start_clouds: Any, refused: type[Exception]) -> None:
    clouds = start_clouds(faults=fault(operation="create", message="connection reset", when="after"))
    aws = clouds.aws()
    with pytest.raises(refused, match="connection reset"):
        aws.create("aws:ecr/repository:Repository", "r", {"name": "models"})
    assert [found.id for found in clouds.store.objects()] == ["models"]
    with pytest.raises(refused, match="RepositoryAlreadyExistsException"):
        aws.create("aws:ecr/repository:Repository", "r", {"name": "models"})


def test_partial_means_made_but_not_ready_and_the_id_is_told(start_clouds: Any) -> None:
    clouds = start_clouds(faults=fault(operation="create", error="node-creation-failure", when="partial"))
    aws = clouds.aws()
    request = provider_pb2.CreateRequest(urn=aws.urn(VPC, "v"), type=VPC, properties=wire.encode(INPUTS))
    with pytest.raises(grpc.RpcError) as raised:
        aws.stub.Create(request)
    details = dict(raised.value.trailing_metadata())["grpc-status-details-bin"]
    failed = provider_pb2.ErrorResourceInitFailed()
    assert status_pb2.Status.FromString(details).details[0].Unpack(failed)
    (made,) = clouds.store.objects()
    assert failed.id == made.id
    assert failed.reasons == ["NodeCreationFailure: Instances failed to join the kubernetes cluster"]


def test_throttling_ends_where_the_sdks_patience_ends(start_clouds: Any, refused: type[Exception]) -> None:
    clouds = start_clouds(faults=fault(operation="create", error="throttling", calls="[1, 2, 3, 4, 5, 6]"))
    with pytest.raises(refused, match="ThrottlingException"):
        clouds.aws(maxRetries="2").create(VPC, "v", INPUTS)
    clouds.aws(maxRetries="5").create(VPC, "v", INPUTS)
    assert len(clouds.store.objects()) == 1
    assert clouds.running.faults.met == (7,)


def test_deleting_and_updating_can_fail_too(start_clouds: Any, refused: type[Exception]) -> None:
    clouds = start_clouds(faults="faults:\n- {operation: delete, message: refused}\n- {operation: update, message: later, when: after}\n")
    aws = clouds.aws()
    id, state = aws.create(VPC, "v", INPUTS)
    with pytest.raises(refused, match="later"):
        aws.update(VPC, "v", id, INPUTS, {**INPUTS, "enableDnsSupport": True})
    assert clouds.store.objects()[0].inputs["enableDnsSupport"] is True
    with pytest.raises(refused, match="refused"):
        aws.delete(VPC, "v", id, state)
    aws.delete(VPC, "v", id, state)
    outcomes = [(row.operation, row.outcome) for row in clouds.store.operations()]
    assert outcomes == [("create", "ok"), ("update", "later"), ("delete", "refused"), ("delete", "ok")]


def test_a_fault_may_refuse_the_configuration(start_clouds: Any, refused: type[Exception]) -> None:
    clouds = start_clouds(faults=fault(operation="configure", type='"pulumi:providers:aws"', error="expired-token"))
    with pytest.raises(refused, match="ExpiredTokenException"):
        clouds.aws()
    clouds.aws()


def test_cancelling_ends_the_waits_of_one_instance_only(start_clouds: Any, refused: type[Exception]) -> None:
    clouds = start_clouds(faults=fault(operation="create", urn='"*slow*"', latency=30, calls="all"))
    waiting, other = clouds.aws(), clouds.aws("us-east-2")
    outcome: list[str] = []

    def create() -> None:
        try:
            waiting.create(VPC, "slow", INPUTS)
        except refused as error:
            outcome.append(str(error))

    thread = threading.Thread(target=create)
    thread.start()
    other.cancel()
    thread.join(0.3)
    assert thread.is_alive()
    waiting.cancel()
    thread.join(5)
    assert outcome == ["cancelled by the engine"]
    assert clouds.store.empty


def test_many_calls_at_once_lose_nothing(clouds: Any) -> None:
    connections = [clouds.aws(region) for region in ("us-west-2", "eu-west-1")]

    def run(work: Callable[[int], None]) -> None:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    made: list[tuple[Any, str, dict[str, Any], str]] = []

    def create(number: int) -> None:
        connection = connections[number % 2]
        made.append((connection, *connection.create(VPC, f"v{number}", INPUTS), f"v{number}"))

    run(create)
    assert len({id for _, id, _, _ in made}) == 40
    assert sorted(found.id for found in clouds.store.objects()) == sorted(id for _, id, _, _ in made)

    def delete(number: int) -> None:
        connection, id, state, name = made[number]
        connection.delete(VPC, name, id, state)

    run(delete)
    assert clouds.store.empty


def test_what_is_stored_outlives_the_servers(start_clouds: Any) -> None:
    first = start_clouds()
    id, state = first.aws().create(VPC, "v", INPUTS)
    first.close()
    assert start_clouds().aws().read(VPC, "v", id, state)[0] == id


def test_wrong_tables_are_refused_before_anything_is_served(start_clouds: Any) -> None:
    with pytest.raises(servers.ExistingInvalid, match="unknown key acount"):
        start_clouds(existing={"acount": "1"})
    with pytest.raises(FaultsInvalid, match=r"faults\.0\.operation"):
        start_clouds(faults=fault(operation="nothing", message="x"))


def test_starting_is_what_loads_grpc() -> None:
    import subprocess
    import sys

    code = "import sys, rehearsal.servers; print([name for name in ('grpc', 'pulumi', 'pulumi_aws', 'sqlite3') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
