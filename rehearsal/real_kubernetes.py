"""Kubernetes clusters whose objects a real API server judges and keeps, one server for each cluster, started when it is first needed.

The store stays what the engine is told from; the API server decides what is accepted, and its data is kept with the stage.
"""

import hashlib
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, Final

from graph.model import UNKNOWN
from graph.types.materialise import Scope
from rehearsal import shared_fields, wire
from rehearsal.answers import CloudError, Keep
from rehearsal.cloud import Instance
from rehearsal.control_plane.client import Client, Refused, UnknownKind
from rehearsal.control_plane.prepared import api_server
from rehearsal.control_plane.server import ApiServer
from rehearsal.control_plane.simulation import controllers
from rehearsal.kubernetes import MANAGER, Existing, Kubernetes, table
from rehearsal.store import Object, Transaction

DELETION_LIMIT: Final = 60.0
"""Seconds that an object may take to go, as its finalizers and its namespace's contents do."""
NOT_FOUND: Final = 404
PAUSE: Final = 0.05


READY_LIMIT: Final = 90.0
"""Seconds that an object may take to become what its manifest says is to be waited for."""

Beside = Callable[[ApiServer], AbstractContextManager[object]]
"""Starts what runs beside an API server: controllers, nodes."""


class RealKubernetes(Kubernetes):
    """The stand-in with a real API server behind it. `folder` keeps the data of every cluster.

    `beside` is what runs with each API server. Without it that is what makes deletions end: no pod comes up and no operator acts, so that
    nothing is waited for. With it, what a manifest says is to be waited for is.
    """

    def __init__(self, existing: Existing | None, folder: Path, beside: Beside | None = None) -> None:
        super().__init__(existing)
        self._folder = folder
        self._beside = beside
        self._clients: dict[str, Client] = {}
        self._lock = threading.Lock()
        self._running = ExitStack()

    @property
    def started(self) -> int:
        """How many API servers were needed."""
        return len(self._clients)

    def close(self) -> None:
        """End every server; what they hold stays in the folder."""
        self._running.close()
        self._clients.clear()

    def foresee(self, instance: Instance, token: str, inputs: Mapping[str, Any], ignored: Sequence[str] = ()) -> None:
        """Dry-run in a preview: raise what the API server would refuse, once the cluster is there and all inputs are known."""
        if token in table()["releases"] or _partly_unknown(inputs) or not self._place(instance.scope).exists():
            return
        try:
            self._apply(instance, inputs, ignored, dry_run=True)
        except Refused as refused:
            if refused.code != NOT_FOUND:  # its namespace is made by the same update
                raise _refusal(refused) from None
        except UnknownKind as why:
            raise CloudError("", str(why)) from None

    def admit(
        self, txn: Transaction, instance: Instance, token: str, urn: str, inputs: Mapping[str, Any], ignored: Sequence[str] = ()
    ) -> None:
        """What the stand-in refuses, then what the API server does; the object is then there."""
        super().admit(txn, instance, token, urn, inputs)
        if token not in table()["releases"]:
            try:
                self._apply(instance, inputs, ignored)
            except Refused as refused:
                raise _refusal(refused) from None
            except UnknownKind as why:
                raise CloudError("", str(why)) from None

    def settle(self, instance: Instance, token: str, inputs: Mapping[str, Any]) -> None:
        """Wait for the condition that the manifest names, if anything could bring it about."""
        if not self._beside or token in table()["releases"]:
            return
        client, body = self._client(instance.scope), _body(inputs)
        deadline = time.monotonic() + READY_LIMIT
        while not shared_fields.condition(body, client.read(body) or {}):
            if instance.cancelled.wait(PAUSE) or time.monotonic() > deadline:
                awaited = shared_fields.annotation(body, shared_fields.WAIT)
                raise CloudError("", f"{body['kind']} {body['metadata']['name']} has not come to {awaited} in {READY_LIMIT:g} s")

    def seen(self, instance: Instance, token: str, inputs: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What is on the API server of the fields that were stated. What it spells in its own way is not a change."""
        if token in table()["releases"]:
            return inputs
        client, body = self._client(instance.scope), _body(inputs)
        live = client.read(body)
        if live is None:
            return None
        try:
            found: Mapping[str, Any] = shared_fields.seen(inputs, client.apply(body, manager=MANAGER, dry_run=True, force=True), live)
        except Refused as refused:
            raise _refusal(refused) from None
        return found

    def _apply(self, instance: Instance, inputs: Mapping[str, Any], ignored: Sequence[str], *, dry_run: bool = False) -> None:
        client, body = self._client(instance.scope), _body(inputs)
        sent = shared_fields.sent(body, client.read(body) if ignored else None, ignored, MANAGER)
        client.apply(sent, manager=MANAGER, dry_run=dry_run, force=shared_fields.forced(body))

    def release(self, txn: Transaction, found: Object) -> list[Keep]:
        """Delete, and wait until it is gone. Raises CloudError that names the finalizers that hold it."""
        kept = list(super().release(txn, found))
        if found.token not in table()["releases"]:
            self._delete(self._client(found.scope), _body(found.inputs))
        return kept

    def _delete(self, client: Client, body: Mapping[str, Any]) -> None:
        client.delete(body)
        deadline = time.monotonic() + DELETION_LIMIT
        while left := client.read(body):
            if time.monotonic() > deadline:
                held = [*left["metadata"].get("finalizers", ()), *left.get("spec", {}).get("finalizers", ())]
                name = f"{body['kind']} {body['metadata']['name']}"
                raise CloudError("", f"{name} is still there after {DELETION_LIMIT:g} s, held by {', '.join(held) or 'nothing it names'}")
            time.sleep(PAUSE)

    def _place(self, scope: Scope) -> Path:
        return self._folder / hashlib.sha256(scope.cluster.encode()).hexdigest()[:12]

    def _client(self, scope: Scope) -> Client:
        with self._lock:
            if scope.cluster not in self._clients:
                server = self._running.enter_context(api_server(self._place(scope)))
                self._running.enter_context((self._beside or controllers)(server))
                self._clients[scope.cluster] = server.client
            return self._clients[scope.cluster]


def _partly_unknown(inputs: Mapping[str, Any]) -> bool:
    return any(leaf is UNKNOWN for _, leaf in wire.leaves(wire.revealed(inputs)))


def _body(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest, with a digest for every value of a Secret: nothing of it is kept in clear."""
    body: dict[str, Any] = wire.revealed(dict(inputs))
    if body.get("kind") == "Secret":
        body |= {
            part: {key: _sealed(part, value) for key, value in body[part].items()} for part in ("data", "stringData") if body.get(part)
        }
    return body


def _sealed(part: str, value: object) -> str:
    digest = hashlib.sha256(str(value).encode()).hexdigest()[:16]
    return b64encode(digest.encode()).decode() if part == "data" else digest


def _refusal(refused: Refused) -> CloudError:
    """The API server's words; a conflict names each manager and field."""
    causes = "".join(f"\n- {field}: {message}" for field, message in refused.causes if message not in str(refused))
    return CloudError("", f"{refused}{causes}")
