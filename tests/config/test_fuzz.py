"""Whatever stands in a stack file, both readers end with a platform or with faults: soon, in little memory, and without a traceback."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from components.spec import Reading, Spec
from infra.config import AwsPlatform, load_file
from infra.platforms import MODELS
from infra.reading.faults import ConfigFaults
from infra.reading.shape import schema_of
from infra.reading.stackfile import KEY
from infra.reading.validation import judge
from tests.config.fields import CONTEXTS, data, model
from tests.config.mutations import ROOT, SOURCES, mutation

SEED: Final = int(os.environ.get("GROUNDWORK_FUZZ_SEED", "20261130"))
CASES: Final = int(os.environ.get("GROUNDWORK_FUZZ_CASES", "5001"))
SHARDS: Final = 3
HEAD: Final = 'config:\n  pulumi:disable-default-providers: ["*"]\n'


def run(first: int, count: int, folder: Path) -> list[dict[str, Any]]:
    """What the fuzz says of some of the mutations; the last row is its summary."""
    command = [sys.executable, "-m", "tests.config.fuzz", str(SEED), str(first), str(count), str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=580, check=False)
    assert done.returncode == 0, f"died of {folder}/Pulumi.case.yaml: {done.stderr[-2_000:]}"
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.long
@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_mutation_of_a_stack_file_crashes_or_delays_a_reader(
    shard: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    count = CASES // SHARDS
    *wrong, summary = run(shard * count, count, tmp_path)
    assert not wrong, f"seed {SEED}, files in {tmp_path}:\n" + "\n".join(map(json.dumps, wrong))
    assert summary["cases"] == count
    seen = summary["seen"]
    assert min(seen["read by both"], seen["read offline alone"]) > count / 10
    assert seen["sound"] > count / 50
    record_property("fuzz", f"seed {SEED}, {count} stack files from {shard * count} on: {summary}")


def test_the_same_seed_gives_the_same_files() -> None:
    assert [mutation(7, number) for number in range(40)] == [mutation(7, number) for number in range(40)]
    assert {mutation(7, number)[0] for number in range(800)} == {path.stem for path in SOURCES}


def test_a_reader_that_hangs_or_swells_is_found(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from tests.config import fuzz
fuzz.SECONDS, calls = 1.0, []
def worse(path):
    calls.append(path)
    while len(calls) == 1:
        pass
    return [] if len(calls) == 2 and len(b"x" * (320 << 20)) else None, fuzz.scan(path)
fuzz.offline = worse
fuzz.handed = lambda file, content: None
fuzz.main(1, 0, 3, Path(sys.argv[1]))
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    first, second, _ = map(json.loads, done.stdout.splitlines())
    assert "TooLong" in first["wrong"]
    assert "MiB" in second["wrong"]


@pytest.mark.parametrize("key", ["[", "]", "a[", "a].b", "[[", "a.[", '"', '["', "x" * 400 + "["])
@pytest.mark.parametrize("where", ["top", "config", "platform", "deep"])
def test_a_key_with_an_unbalanced_bracket_is_a_fault_like_any_other(key: str, where: str, tmp_path: Path) -> None:
    word = json.dumps(key)
    path = tmp_path / "Pulumi.x.yaml"
    inside = {"platform": f"    {word}: 1\n", "deep": f"    cluster: {{pools: {{a: {{{word}: 1}}}}}}\n"}.get(where, "")
    outside = {"top": f"{word}: 1\n", "config": ""}.get(where, "")
    config = f"  {word}: 1\n" if where == "config" else ""
    path.write_text(f"{HEAD}{config}  {KEY}:\n    site: {{cloud: aws}}\n{inside}{outside}")
    with pytest.raises(ConfigFaults) as found:
        load_file(path)
    assert any(fault.line for fault in found.value.faults)


def test_faults_under_the_engine_stand_at_no_line_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    import pulumi
    from pulumi.runtime import config, settings

    from infra.config import load_engine

    monkeypatch.setattr(settings, "SETTINGS", settings.Settings("groundwork", "x", root_directory="/nowhere"))
    monkeypatch.setitem(config.CONFIG.get(), KEY, '{"[": 1, "site": {"cloud": "aws", "a]": 2}, "endpoints": [1, {"b[": []}]}')
    with pytest.raises(pulumi.RunError, match="is not a known key"):
        load_engine()


def test_an_unforeseen_fault_tells_no_text_of_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    import pulumi
    from pulumi.runtime import settings

    from infra import config

    def broken(source: object) -> None:
        raise KeyError("a text that may be a secret")

    monkeypatch.setattr(settings, "SETTINGS", settings.Settings("groundwork", "x", root_directory="/nowhere"))
    monkeypatch.setattr(config, "held", broken)
    with pytest.raises(pulumi.RunError, match=r"KeyError in test_fuzz\.py") as found:
        config.load_engine()
    assert "secret" not in str(found.value).replace("without the secrets", "")


@pytest.mark.parametrize("context", CONTEXTS)
def test_a_list_that_is_too_long_hides_no_bad_item_behind_its_limit(context: str) -> None:
    """Every list of every full example, filled far beyond any limit with its own first item, and ending in one that cannot be right."""
    document, found = data(context), 0
    for place, items in lists(document):
        changed = put(document, place, [*items[:1] * 300, object_of_no_kind := {"no such key": ["x"]}])
        _, faults = judge(model(context), changed, Reading())
        assert faults, f"{place} takes {object_of_no_kind}"
        found += 1
    assert found


def lists(value: Any, place: tuple[Any, ...] = ()) -> Any:
    """Every list of a document that holds something, with its place."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from lists(item, (*place, key))
    elif isinstance(value, list) and value:
        yield place, value
        for index, item in enumerate(value):
            yield from lists(item, (*place, index))


def put(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    """A copy of a document with another value at one place."""
    if not place:
        return value
    if isinstance(document, dict):
        return {**document, place[0]: put(document[place[0]], place[1:], value)}
    return [*document[: place[0]], put(document[place[0]], place[1:], value), *document[place[0] + 1 :]]


def test_eleven_good_addresses_and_a_bad_one_are_two_faults() -> None:
    document, where = data("aws-account"), ("account", "alerts")
    emails = [f"a{number}@example.com" for number in range(11)]
    _, faults = judge(AwsPlatform, put(document, where, [*emails, "x"]), Reading())
    assert {"account.alerts", "account.alerts[11]"} <= {fault.path for fault in faults}


@pytest.mark.parametrize("owner", MODELS)
def test_digits_and_letters_of_forms_are_those_of_ascii(owner: type[Spec]) -> None:
    """`\\d` and `\\w` take digits and letters of every script, which no cloud does."""
    found: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            found.extend(text for key, text in value.items() if key == "pattern" and isinstance(text, str))
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(schema_of(owner))
    assert found
    assert [text for text in found if "\\d" in text or "\\w" in text] == []
