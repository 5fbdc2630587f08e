"""The durable memory of the stand-in clouds: objects, names in use, creation counters, what is retained, and a log of operations.

One SQLite file in WAL mode. Every change is one transaction, so a killed process leaves either all of an operation or none of it.
Secrets are never written: a keyed digest stands in their place, and a reader who sends the secret again gets it back.
"""

import hashlib
import hmac
import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from graph.model import SecretValue
from graph.types.materialise import Scope
from rehearsal.answers import CloudError, Keep

FORMAT = "1"
SEALED = "\x00sealed"
LEFT = "left:"
NOT_KEPT = "[secret not kept by the stand-in cloud]"

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS objects(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, package TEXT NOT NULL, token TEXT NOT NULL, urn TEXT NOT NULL, id TEXT NOT NULL,
  account TEXT NOT NULL, region TEXT NOT NULL, cluster TEXT NOT NULL, inputs TEXT NOT NULL, outputs TEXT NOT NULL,
  ordinal INTEGER NOT NULL, revision INTEGER NOT NULL DEFAULT 0, contents INTEGER NOT NULL DEFAULT 0,
  UNIQUE(package, account, region, cluster, token, id));
CREATE TABLE IF NOT EXISTS claims(
  place TEXT NOT NULL, name TEXT NOT NULL, seq INTEGER REFERENCES objects(seq) ON DELETE CASCADE, until REAL, PRIMARY KEY(place, name));
CREATE TABLE IF NOT EXISTS creations(urn TEXT PRIMARY KEY, count INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS retained(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, package TEXT NOT NULL, token TEXT NOT NULL, id TEXT NOT NULL, urn TEXT NOT NULL,
  reason TEXT NOT NULL, until REAL);
CREATE TABLE IF NOT EXISTS operations(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, operation TEXT NOT NULL, package TEXT NOT NULL, urn TEXT NOT NULL,
  id TEXT NOT NULL, outcome TEXT NOT NULL);
"""

COLUMNS = "seq, package, token, urn, id, account, region, cluster, inputs, outputs, ordinal, revision, contents"


@dataclass(frozen=True, slots=True)
class Object:
    """One cloud object. `urn` is the one it was created under; a later alias does not change it.

    `ordinal` is how many of this URN came before, `revision` how many versions an update made of it, `contents` what lies in it.
    """

    package: str
    token: str
    urn: str
    id: str
    scope: Scope
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    ordinal: int = 0
    revision: int = 0
    contents: int = 0
    seq: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells a cloud object from others; `seq` is its number in the store."""

    seq: int
    package: str
    token: str
    urn: str
    id: str


@dataclass(frozen=True, slots=True)
class Retained:
    """What a deletion left behind by design. `until` is in seconds since the epoch; None is without end."""

    package: str
    token: str
    id: str
    urn: str
    reason: str
    until: float | None


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of the log. `outcome` is "ok" or the error's first line."""

    at: float
    operation: str
    package: str
    urn: str
    id: str
    outcome: str


class Store:
    """The store at `path`, made when it is not there. Safe for many threads; other processes may read it beside.

    Raises ValueError when the file was written by another format of this program.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA foreign_keys=ON")
        self._connection.executescript(SCHEMA)
        with self.transaction() as txn:
            if txn.meta("format", FORMAT) != FORMAT:
                raise ValueError(f"{path} was written by another version of groundwork; delete it to start from an empty cloud")
            self._key = txn.meta("key", secrets.token_hex(32)).encode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back; later calls fail."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator["Transaction"]:
        """All or nothing: an exception takes everything back."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield Transaction(self, self._connection)
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def objects(self, package: str = "") -> list[Object]:
        """Every object, in order of creation."""
        with self.transaction() as txn:
            return txn.find(package=package) if package else txn.find()

    def identities(self) -> list[Identity]:
        """Every object without its content, in order of creation."""
        rows = self._rows("SELECT seq, package, token, urn, id FROM objects ORDER BY seq")
        return [Identity(*row) for row in rows]

    def leave(self, seqs: Iterable[int]) -> None:
        """Remember objects that no state need hold: a program let go of them on purpose."""
        with self.transaction() as txn:
            for seq in seqs:
                txn.meta(f"{LEFT}{seq}", "")

    def left(self) -> set[int]:
        """Numbers of the objects that no state need hold."""
        rows = self._rows(f"SELECT key FROM meta WHERE key LIKE '{LEFT}%'")
        return {int(key.removeprefix(LEFT)) for (key,) in rows}

    @property
    def empty(self) -> bool:
        """Whether no object is left; what is retained by design does not count."""
        return not self.objects()

    def retained(self) -> list[Retained]:
        """What deletions left behind by design, in order."""
        rows = self._rows("SELECT package, token, id, urn, reason, until FROM retained ORDER BY seq")
        return [Retained(*row) for row in rows]

    def operations(self) -> list[Operation]:
        """The log, in order."""
        return [Operation(*row) for row in self._rows("SELECT at, operation, package, urn, id, outcome FROM operations ORDER BY seq")]

    def log(self, operation: str, package: str, urn: str, id: str, outcome: str) -> None:
        """Add a line to the log."""
        with self.transaction() as txn:
            txn.log(operation, package, urn, id, outcome)

    def lose(self, urn: str) -> None:
        """Delete behind the engine's back what carries this URN, as somebody at a console would."""
        with self.transaction() as txn:
            for found in self._carrying(txn, urn):
                txn.remove(found)

    def alter(self, urn: str, **inputs: Any) -> None:
        """Change top-level properties behind the engine's back."""
        with self.transaction() as txn:
            for found in self._carrying(txn, urn):
                txn.change(found, {**found.inputs, **inputs}, {**found.outputs, **inputs})

    def fill(self, urn: str, contents: int) -> None:
        """Say how many things lie in a container: the objects of a bucket, the images of a repository."""
        with self.transaction() as txn:
            for found in self._carrying(txn, urn):
                txn.fill(found, contents)

    def seal(self, value: Any) -> str:
        """JSON in which every secret is a keyed digest."""
        return json.dumps(_replaced(value, self._digest), separators=(",", ":"))

    def digests(self, *values: Any) -> dict[str, SecretValue]:
        """The secrets in the given values, by the digest under which the store knows them."""
        found: dict[str, SecretValue] = {}
        for value in values:
            _replaced(value, lambda secret: found.setdefault(self._digest(secret)[SEALED], secret))
        return found

    def _digest(self, secret: SecretValue) -> dict[str, str]:
        text = json.dumps(secret.value, sort_keys=True, default=repr)
        return {SEALED: hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()}

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(query).fetchall()

    @staticmethod
    def _carrying(txn: "Transaction", urn: str) -> list[Object]:
        found = txn.find(urn=urn)
        if not found:
            raise KeyError(f"no object carries {urn}")
        return found


class Transaction:
    """What may be asked and changed while the store is held; made by `Store.transaction`."""

    def __init__(self, store: Store, connection: sqlite3.Connection) -> None:
        self._store = store
        self._run = connection.execute

    def meta(self, key: str, default: str) -> str:
        """A remembered text, set to the default the first time."""
        self._run("INSERT OR IGNORE INTO meta VALUES(?, ?)", (key, default))
        return str(self._run("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()[0])

    def remember(self, key: str, value: str) -> None:
        """Keep a text in place of the one that was kept."""
        self._run("INSERT OR REPLACE INTO meta VALUES(?, ?)", (key, value))

    def find(self, **columns: str | int) -> list[Object]:
        """Objects whose columns (package, token, urn, id, account, region, cluster, seq) have the given values."""
        where = " AND ".join(f"{name} = ?" for name in columns) or "1"
        rows = self._run(f"SELECT {COLUMNS} FROM objects WHERE {where} ORDER BY seq", tuple(columns.values()))
        return [_object(row) for row in rows.fetchall()]

    def one(self, package: str, token: str, id: str, scope: Scope) -> Object | None:
        """The object of this identity, or None."""
        found = self.find(package=package, token=token, id=id, account=scope.account, region=scope.region, cluster=scope.cluster)
        return found[0] if found else None

    def ordinal(self, urn: str) -> int:
        """How many objects of this URN have been made so far."""
        row = self._run("SELECT count FROM creations WHERE urn = ?", (urn,)).fetchone()
        return int(row[0]) if row else 0

    def add(self, new: Object) -> Object:
        """Keep a new object and count its creation."""
        scope, inputs, outputs = new.scope, self._store.seal(new.inputs), self._store.seal(new.outputs)
        cursor = self._run(
            "INSERT INTO objects(package, token, urn, id, account, region, cluster, inputs, outputs, ordinal) VALUES(?,?,?,?,?,?,?,?,?,?)",
            (new.package, new.token, new.urn, new.id, scope.account, scope.region, scope.cluster, inputs, outputs, new.ordinal),
        )
        self._run("INSERT INTO creations VALUES(?, 1) ON CONFLICT(urn) DO UPDATE SET count = count + 1", (new.urn,))
        return self.find(seq=cursor.lastrowid or 0)[0]

    def claim(self, holder: Object, claims: Sequence[tuple[str, str, CloudError]]) -> None:
        """Take the names an object needs instead of those it had; raises the refusal of the first one that another holds."""
        self._run("DELETE FROM claims WHERE until IS NOT NULL AND until < ?", (time.time(),))
        self._run("DELETE FROM claims WHERE seq = ?", (holder.seq,))
        for place, name, refusal in claims:
            try:
                self._run("INSERT INTO claims(place, name, seq) VALUES(?, ?, ?)", (place, name, holder.seq))
            except sqlite3.IntegrityError:
                raise refusal from None

    def change(self, found: Object, inputs: Mapping[str, Any], outputs: Mapping[str, Any], *, revision: int | None = None) -> None:
        """Give an object new inputs and outputs, and another revision when one is given."""
        revision = found.revision if revision is None else revision
        row = (self._store.seal(inputs), self._store.seal(outputs), revision, found.seq)
        self._run("UPDATE objects SET inputs = ?, outputs = ?, revision = ? WHERE seq = ?", row)

    def fill(self, found: Object, contents: int) -> None:
        """Set how many things lie in a container."""
        self._run("UPDATE objects SET contents = ? WHERE seq = ?", (contents, found.seq))

    def remove(self, found: Object, kept: Sequence[Keep] = ()) -> None:
        """Delete an object, and list what stays behind; a kept object may keep its names too."""
        for keep in kept:
            self._run(
                "INSERT INTO retained(package, token, id, urn, reason, until) VALUES(?,?,?,?,?,?)",
                (found.package, keep.token, keep.id, found.urn, keep.reason, keep.until),
            )
            if keep.keeps_name:
                self._run("UPDATE claims SET seq = NULL, until = ? WHERE seq = ?", (keep.until, found.seq))
        self._run("DELETE FROM objects WHERE seq = ?", (found.seq,))

    def forget(self, token: str, id: str) -> None:
        """Remove something that an earlier deletion kept, and give back its name."""
        self._run("DELETE FROM retained WHERE token = ? AND id = ?", (token, id))
        self._run("DELETE FROM claims WHERE seq IS NULL AND name = ? AND place LIKE ?", (id, f"%/{token}"))

    def is_retained(self, token: str, id: str) -> bool:
        """Whether something of this name was kept by an earlier deletion."""
        return self._run("SELECT 1 FROM retained WHERE token = ? AND id = ?", (token, id)).fetchone() is not None

    def log(self, operation: str, package: str, urn: str, id: str, outcome: str) -> None:
        """Add a line to the log."""
        row = (time.time(), operation, package, urn, id, outcome)
        self._run("INSERT INTO operations(at, operation, package, urn, id, outcome) VALUES(?,?,?,?,?,?)", row)


def unsealed(value: Any, known: Mapping[str, SecretValue]) -> Any:
    """A stored value with its secrets back where `known` has them (see `Store.digests`); the others are secrets that say so."""
    if isinstance(value, Mapping):
        if set(value) == {SEALED}:
            return known.get(value[SEALED], SecretValue(NOT_KEPT))
        return {key: unsealed(item, known) for key, item in value.items()}
    return [unsealed(item, known) for item in value] if isinstance(value, list) else value


def _object(row: Sequence[Any]) -> Object:
    seq, package, token, urn, id, account, region, cluster, inputs, outputs, ordinal, revision, contents = row
    scope = Scope(package=package, account=account, region=region, cluster=cluster)
    return Object(package, token, urn, id, scope, json.loads(inputs), json.loads(outputs), ordinal, revision, contents, seq)


def _replaced(value: Any, secret: Any) -> Any:
    if isinstance(value, SecretValue):
        return secret(value)
    if isinstance(value, Mapping):
        return {key: _replaced(item, secret) for key, item in value.items()}
    return [_replaced(item, secret) for item in value] if isinstance(value, list | tuple) else value


def described(found: Object) -> dict[str, Any]:
    """An object as JSON, for summaries: secrets stay sealed."""
    return {"token": found.token, "urn": found.urn, "id": found.id, "scope": asdict(found.scope)}
