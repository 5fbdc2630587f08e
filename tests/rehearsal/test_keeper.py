"""Kubernetes objects that a stand-in made are not handed to a real API server that knows nothing of them, nor the other way round."""

from pathlib import Path
from typing import Any

import pytest

from graph.types.materialise import Scope
from operations.rehearse import API_SERVER, SCHEMAS, UNASKED, _judge
from rehearsal import servers
from rehearsal.servers import KeeperChanged
from rehearsal.stage import StageFailed, stand_in_clouds
from rehearsal.store import Object, Store


def fill(path: Path) -> None:
    scope = Scope(package="kubernetes", cluster="one")
    with Store(path) as store, store.transaction() as txn:
        txn.add(Object("kubernetes", "kubernetes:core/v1:Service", "urn::s", "default/s", scope, {}, {}))


@pytest.mark.parametrize("real", [True, False])
def test_the_keeper_of_objects_is_not_exchanged(tmp_path: Path, real: bool) -> None:
    store = tmp_path / "clouds.sqlite"
    clusters = tmp_path / "clusters"
    servers.start(store, clusters=None if real else clusters).stop()
    running = servers.start(store, clusters=clusters if real else None)
    assert running.api_servers == (0 if real else None)
    running.stop()
    fill(store)
    with pytest.raises(KeeperChanged, match=r"go on with(out)? --cluster"):
        servers.start(store, clusters=None if real else clusters)
    with pytest.raises(StageFailed, match="destroy the stack first"):
        stand_in_clouds(store, None, real_clusters=not real)
    as_before = stand_in_clouds(store, None, real_clusters=None)
    assert getattr(as_before, "api_servers") == (0 if real else None)  # noqa: B009
    as_before.stop()


def test_a_server_that_was_not_started_did_not_judge() -> None:
    class Left:
        api_servers: Any = 0

    assert _judge(Left(), API_SERVER) == UNASKED  # type: ignore[arg-type]
    assert _judge(Left(), SCHEMAS) == SCHEMAS  # type: ignore[arg-type]
    Left.api_servers = 1
    assert _judge(Left(), API_SERVER) == API_SERVER  # type: ignore[arg-type]
