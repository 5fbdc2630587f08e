"""The durable store: all or nothing, counters that survive, secrets that never reach the disk."""

import sqlite3
import threading
from pathlib import Path

import pytest

from graph.model import SecretValue
from graph.types.materialise import Scope
from rehearsal.answers import CloudError, Keep
from rehearsal.store import NOT_KEPT, Object, Store, unsealed

SCOPE = Scope(package="aws", account="111122223333", region="us-west-2")


def thing(name: str, **inputs: object) -> Object:
    return Object("aws", "aws:s3/bucket:Bucket", f"urn::{name}", name, SCOPE, inputs, inputs)


def test_objects_survive_reopening(tmp_path: Path) -> None:
    with Store(tmp_path / "cloud.db") as store, store.transaction() as txn:
        txn.add(thing("one", size=3))
    with Store(tmp_path / "cloud.db") as store:
        (found,) = store.objects()
        assert (found.id, found.inputs, found.scope) == ("one", {"size": 3}, SCOPE)


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    with Store(tmp_path / "cloud.db") as store:

        def fails() -> None:
            with store.transaction() as txn:
                txn.add(thing("one"))
                raise CloudError("Nope", "refused")

        with pytest.raises(CloudError):
            fails()
        assert store.empty
        with store.transaction() as txn:
            assert txn.ordinal("urn::one") == 0


def test_creations_are_counted_per_urn_and_outlive_the_object(tmp_path: Path) -> None:
    with Store(tmp_path / "cloud.db") as store, store.transaction() as txn:
        first = txn.add(thing("one"))
        txn.remove(first)
        assert txn.ordinal("urn::one") == 1
        assert txn.ordinal("urn::two") == 0


def test_secrets_are_not_on_the_disk_and_come_back_to_who_knows_them(tmp_path: Path) -> None:
    canary = "canary-3f9a"
    path = tmp_path / "cloud.db"
    with Store(path) as store:
        with store.transaction() as txn:
            txn.add(thing("one", password=SecretValue(canary), nested={"list": [SecretValue(canary)]}))
        (found,) = store.objects()
        assert canary.encode() not in b"".join(file.read_bytes() for file in tmp_path.iterdir())
        known = store.digests({"elsewhere": SecretValue(canary)})
        assert unsealed(found.inputs, known) == {"password": SecretValue(canary), "nested": {"list": [SecretValue(canary)]}}
        assert unsealed(found.inputs, {})["password"] == SecretValue(NOT_KEPT)


def test_a_claimed_name_is_refused_until_its_holder_goes(tmp_path: Path) -> None:
    taken = CloudError("Taken", "name in use")
    with Store(tmp_path / "cloud.db") as store, store.transaction() as txn:
        one, two = txn.add(thing("one")), txn.add(thing("two"))
        txn.claim(one, [("world", "name", taken)])
        with pytest.raises(CloudError, match="Taken: name in use"):
            txn.claim(two, [("world", "name", taken)])
        txn.remove(one)
        txn.claim(two, [("world", "name", taken)])


def test_a_kept_object_keeps_its_name_until_its_time(tmp_path: Path) -> None:
    taken = CloudError("Taken", "name in use")
    with Store(tmp_path / "cloud.db") as store, store.transaction() as txn:
        for until, free in ((4e9, False), (1.0, True)):
            name = f"name-{free}"
            one = txn.add(thing("one"))
            txn.claim(one, [("world", name, taken)])
            txn.remove(one, [Keep(one.token, one.id, "window", until, keeps_name=True)])
            two = txn.add(thing("two"))
            if free:
                txn.claim(two, [("world", name, taken)])
            else:
                with pytest.raises(CloudError):
                    txn.claim(two, [("world", name, taken)])
            txn.remove(two)
    with Store(tmp_path / "cloud.db") as store:
        assert store.empty
        assert [row.until for row in store.retained()] == [4e9, 1.0]


def test_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cloud.db"
    Store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = '0' WHERE key = 'format'")
    connection.close()
    with pytest.raises(ValueError, match="another version"):
        Store(path)


def test_many_threads_lose_nothing(tmp_path: Path) -> None:
    with Store(tmp_path / "cloud.db") as store:

        def work(worker: int) -> None:
            for number in range(10):
                with store.transaction() as txn:
                    txn.add(thing(f"{worker}-{number}"))

        threads = [threading.Thread(target=work, args=(worker,)) for worker in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({found.id for found in store.objects()}) == 160


def test_tampering_needs_a_target(tmp_path: Path) -> None:
    with Store(tmp_path / "cloud.db") as store, pytest.raises(KeyError, match="urn::nobody"):
        store.lose("urn::nobody")
