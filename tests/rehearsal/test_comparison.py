"""State against clouds: what no state holds, what no cloud holds, and how pending operations are settled."""

from pathlib import Path
from typing import Any

import pytest

from graph.model import SecretValue
from graph.types.materialise import Scope
from rehearsal.checkpoint import Checkpoint, Pending
from rehearsal.comparison import Comparison, compare
from rehearsal.recovery import settle
from rehearsal.store import Object, Store

VPC, ROLE = "aws:ec2/vpc:Vpc", "aws:iam/role:Role"
SCOPE = Scope(package="aws", account="111122223333", region="us-west-2")


def urn(token: str, name: str, stack: str = "dev") -> str:
    return f"urn:pulumi:{stack}::toy::{token}::{name}"


def row(token: str, name: str, id: str, **more: Any) -> dict[str, Any]:
    return {"urn": urn(token, name), "type": token, "custom": True, "id": id, **more}


def made(token: str, name: str, id: str, stack: str = "dev", **outputs: Any) -> Object:
    return Object("aws", token, urn(token, name, stack), id, SCOPE, outputs, outputs)


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with Store(tmp_path / "clouds.sqlite") as store:
        yield store


def filled(store: Store, *objects: Object) -> list[Object]:
    with store.transaction() as txn:
        return [txn.add(found) for found in objects]


def judged(store: Store, *resources: dict[str, Any], others: Any = (), pending: Any = ()) -> Comparison:
    state = Checkpoint(resources, pending)
    return compare("dev", state, others, store.identities(), packages={"aws"}, retained=store.left())


def test_what_agrees_is_quiet(store: Store) -> None:
    filled(store, made(VPC, "a", "vpc-1"), made(ROLE, "r", "role"))
    found = judged(
        store,
        {"urn": urn("pulumi:pulumi:Stack", "s"), "type": "pulumi:pulumi:Stack"},
        row("pulumi:providers:aws", "p", "x"),
        row("random:index:Id", "i", "1"),
        row(VPC, "read", "vpc-9", external=True),
        row(VPC, "a", "vpc-1"),
        row(ROLE, "renamed-by-an-alias", "role"),
    )
    assert (found.unknown, found.missing, found.lost, found.recorded) == ((), (), False, 2)
    assert not found.refusals
    assert not found.notes("recover")


def test_what_no_state_holds_is_named(store: Store) -> None:
    filled(store, made(VPC, "a", "vpc-1"), made(VPC, "a", "vpc-2"), made(VPC, "b", "vpc-3", stack="prod"))
    found = judged(store, row(VPC, "a", "vpc-2"))
    assert [left.id for left in found.unknown] == ["vpc-1"]
    assert "vpc-1" in "".join(found.notes("groundwork rehearse recover"))


def test_what_another_stack_adopted_or_a_program_let_go_of_is_no_fault(store: Store) -> None:
    adopted, dropped = filled(store, made(VPC, "a", "vpc-1"), made(VPC, "b", "vpc-2"))
    store.leave([dropped.seq])
    found = judged(store, others=[Checkpoint([row(VPC, "elsewhere", adopted.id)], ())])
    assert not found.unknown


def test_a_state_of_which_the_clouds_hold_nothing_is_refused_and_one_drifted_object_is_not(store: Store) -> None:
    rows = [row(VPC, "a", "vpc-1"), row(VPC, "b", "vpc-2")]
    assert "nothing of the 2 objects" in "".join(judged(store, *rows).refusals)
    filled(store, made(VPC, "b", "vpc-2"))
    found = judged(store, *rows)
    assert (found.missing, found.lost, found.refusals) == ((urn(VPC, "a"),), False, [])
    assert urn(VPC, "a") in "".join(found.notes(""))


def test_pending_operations_are_a_refusal(store: Store) -> None:
    found = judged(store, pending=[Pending(operation="creating", urn=urn(VPC, "a"), token=VPC, id="")])
    assert f"creating {urn(VPC, 'a')}" in "".join(found.refusals)


def deployment(*resources: dict[str, Any], pending: Any) -> dict[str, Any]:
    return {"manifest": {}, "resources": list(resources), "pending_operations": list(pending)}


def test_a_create_that_made_something_becomes_a_resource_and_one_that_did_not_is_cleared(store: Store) -> None:
    old, new = filled(store, made(VPC, "a", "vpc-1", arn="arn:1"), made(VPC, "a", "vpc-2", arn="arn:2"))
    pending = [
        {"resource": {**row(VPC, "a", ""), "inputs": {"cidrBlock": "x"}, "provider": "p"}, "type": "creating"},
        {"resource": row(VPC, "b", ""), "type": "creating"},
        {"resource": row(VPC, "c", "vpc-3"), "type": "deleting"},
        {"resource": row("kubernetes:core/v1:Service", "d", ""), "type": "creating"},
    ]
    found = settle(deployment(row(VPC, "c", "vpc-3"), pending=pending), [old, new], ["aws"])
    assert not found.deployment["pending_operations"]
    assert [(row["urn"], row["id"]) for row in found.deployment["resources"]] == [(urn(VPC, "c"), "vpc-3"), (urn(VPC, "a"), "vpc-2")]
    adopted = found.deployment["resources"][1]
    assert (adopted["outputs"], adopted["inputs"], adopted["provider"]) == ({"arn": "arn:2"}, {"cidrBlock": "x"}, "p")
    assert [text.partition(": ")[2].split(";")[0] for text in found.said] == [
        "was created as vpc-2",
        "was not created",
        "interrupted while deleting",
        "perhaps created",
    ]


def test_a_replacement_that_was_made_leaves_the_old_one_due_for_deletion(store: Store) -> None:
    (new,) = filled(store, made(VPC, "a", "vpc-2"))
    pending = [{"resource": row(VPC, "a", ""), "type": "creating"}]
    found = settle(deployment(row(VPC, "a", "vpc-1"), row(ROLE, "r", "role"), pending=pending), [new], ["aws"])
    rows = [(row["id"], row.get("delete", False)) for row in found.deployment["resources"]]
    assert rows == [("vpc-2", False), ("vpc-1", True), ("role", False)]


def test_a_secret_stays_as_the_engine_encrypted_it(store: Store) -> None:
    (new,) = filled(store, made(VPC, "a", "vpc-1", password=SecretValue("x"), made=SecretValue("y"), arn="arn"))
    sealed = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:"}
    pending = [{"resource": {**row(VPC, "a", ""), "inputs": {"password": sealed}}, "type": "creating"}]
    found = settle(deployment(pending=pending), [new], ["aws"])
    assert found.deployment["resources"][0]["outputs"] == {"password": sealed, "arn": "arn"}
