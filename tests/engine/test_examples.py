"""Every example on the real engine: up, nothing to change, and down to an empty store but for what is kept by design."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rehearsal.answers import WRITTEN_AGAIN
from rehearsal.stage import Stage
from rehearsal.store import Store
from tests.engine.conftest import ROOT, Command
from tests.engine.examples import EXAMPLES, SUBSET, name_of, taken


def outcome(groundwork: Command, *args: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(groundwork(*args, "--json", code=code).stdout)
    return found


def gone(groundwork: Command, config: tuple[str, str], protected: bool) -> dict[str, Any]:
    """Take a stack down; where something of it is protected, by the documented way and no other."""
    if protected:
        refused = outcome(groundwork, "destroy", *config, code=2)
        assert refused["protected"]
        groundwork("unprotect", *config)
    return outcome(groundwork, "destroy", *config)


@pytest.mark.engine
@pytest.mark.parametrize("path", taken(), ids=name_of)
def test_an_example_comes_up_stays_as_it_is_and_goes(path: Path, groundwork: Command, record_property: Callable[[str, Any], None]) -> None:
    config, stage = ("--config", str(path)), Stage(ROOT, name_of(path), stack_file=path)
    up = outcome(groundwork, "up", *config)
    assert up["facts"]["changes"].keys() == {"create"}
    assert outcome(groundwork, "up", *config, "--no-packs")["facts"]["changes"].keys() == {"same"}
    exported = json.loads(groundwork("exec", *config, "--", "pulumi", "stack", "export").stdout)["deployment"]["resources"]
    down = gone(groundwork, config, any(found.get("protect") for found in exported))
    with Store(stage.store) as store:
        assert store.empty, [found.urn for found in store.objects()]
        stay = [left for left in down["retained"] if not left["reason"].startswith(WRITTEN_AGAIN)]
        assert {kept.id for kept in store.retained()} == {left["id"] for left in stay}
    kept = Counter(f"{left['token']} ({left['reason']})" for left in down["retained"])
    told = ", ".join(f"{count} {what}" for what, count in sorted(kept.items())) or "nothing"
    record_property("rehearsed", f"{path.name}: {up['resources']} resources up in {up['seconds']:.0f} s; retained by design: {told}")


def test_a_seed_takes_some_and_always_the_same() -> None:
    examples = [Path(f"Pulumi.{letter}.yaml") for letter in "abcdefghi"]
    assert taken(examples, "") == examples
    assert taken(examples, "0123") == taken(list(reversed(examples)), "0123")
    assert len(set(taken(examples, "0123"))) == SUBSET
    assert {path for seed in range(60) for path in taken(examples, str(seed))} == set(examples)


def test_there_are_examples() -> None:
    assert EXAMPLES
