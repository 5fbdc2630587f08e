"""Stack files damaged at random: at bytes, at YAML nodes and at single values. The same seed gives the same files."""

import copy
import json
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[2]
SOURCES: Final = tuple(
    path
    for folder, form in ((ROOT, "Pulumi.*.yaml"), (ROOT / "examples", "*.yaml"), (Path(__file__).parent / "full", "*.yaml"))
    for path in sorted(folder.glob(form))
)
"""Every stack file of the repository that is sound."""

JUNK: Final[list[Any]] = [
    None, True, False, 0, 1, -1, 7, 2**31, 2**62, 2**63 - 1, 0.5, -1e300, "", " ", "x", "X", "a" * 300, "a" * 20_000, "a-" * 9_999,
    "é😀", "\u202e", "</pre>", "..", "../..", "0", "1", "null", "y", "n", "[", "]", "{", "}", "\\", '"', "$(x)", "%s", "{x}",
    "10.0.0.0/8", "10.0.0.0/33", "999.1.1.1/8", "::/0", "fe80::/10", "10.20.0.0/16", "0.0.0.0/0", "1GiB", "0GiB", "0d", "1ms",
    "999999999999d", "999999999999TiB", "0.000001TiB", "0%", "100%", "101%", "us-west-2a", "usw2-az1", "eu-central-1",
    "arn:aws:iam::111122223333:role/x", "arn:aws-cn:iam::1:role/x", "arn:::::", "models:/x/1", "http://[", "https://x:99999", "https://[::1",
    "p5.48xlarge", "t2.nano", "inf2.xlarge", "h100", "vllm", "external", "aws", "onprem",
    "2026-02-30", "2026-11-30T11:30:00Z", "1.35", "99.99",
    "serving", "dev", "prod", "* * * * *", "99 * * * *", "me@example.com", "subnet-0", "vpc-00000000000000000", "cr-00000000000000000",
    [], {}, [[]], [{}], [None], ["x"] * 40, ["10.0.0.0/8"] * 11 + ["x"], [{"cidr": "x"}] * 300, {"": 1}, {"[": 1}, {"]": 1},
    {"a[": {"b]": 1}}, {"x": {"x": {}}}, {"kind": "vllm"}, {"kind": "given"}, {"secure": "CANARY"}, {"secure": 1}, {"block": "x"},
]  # fmt: skip
"""Values that do not belong where they are put."""

KEYS: Final = ("x", "Max", "min", "kind", "", "a.b", "é", "[", "]", "a[", '"', "['", "..", "y", "on", "1", "secure", "<<", "site", "block")
TOKENS: Final = (
    b"[", b"]", b"{", b"}", b":", b": ", b"\n", b"  ", b"\t", b"&a ", b"*a", b"!!str ", b"<<: ", b"|", b">", b"'", b'"', b"#", b"- ", b"? ",
    b"\x00", b"\xff", b"\xc3", "\u2028".encode(), "\ufeff".encode(), b"%YAML 1.1\n", b"---\n", b"...\n", b"~", b"0o17", b"1e400",
    b"2026-01-01",     b"secure: x", b"[" * 40, b"{a: " * 40, b"9" * 400, b"\\", b"${x}", b",", b"\r\n",
)  # fmt: skip
"""Pieces that parsers of YAML stumble over."""


@cache
def _document(path: Path) -> Any:
    return yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document, branches too."""
    if place:
        yield place
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*place, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*place, index))


def damaged(document: Any, chance: random.Random, *, most: int = 6, junk: list[Any] = JUNK) -> Any:
    """The document with up to `most` places replaced, removed, repeated, renamed or added to."""
    result = copy.deepcopy(document)
    for _ in range(chance.randint(1, most)):
        place = chance.choice(list(places(result)))
        holder = result
        for part in place[:-1]:
            holder = holder[part]
        _damage(holder, place[-1], chance, junk)
        if not result:
            break
    return result


def _damage(holder: Any, key: Any, chance: random.Random, junk: list[Any]) -> None:
    action = chance.randrange(6)
    if action == 0:
        del holder[key]
    elif action == 1 and isinstance(holder, dict):
        holder[chance.choice(KEYS)] = copy.deepcopy(chance.choice([*junk, holder[key]]))
    elif action == 1:
        holder.extend(copy.deepcopy(holder[key]) for _ in range(chance.choice((1, 12, 250))))
    elif action == 2 and isinstance(holder, dict):
        holder[chance.choice(KEYS)] = holder.pop(key)
    elif action == 3 and isinstance(holder[key], dict | list):
        inner = list(holder[key].values()) if isinstance(holder[key], dict) else list(holder[key])
        holder[key] = chance.choice([inner, {"x": holder[key]}, [holder[key]]])
    else:
        holder[key] = copy.deepcopy(chance.choice(junk))


def _bytes(text: bytes, chance: random.Random) -> bytes:
    """The text with a few bytes or pieces put in, taken out, repeated or cut off."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(text) + 1)
        to = min(len(text), at + chance.choice((1, 2, 8, 80)))
        action = chance.randrange(6)
        if action < 2:
            text = text[:at] + chance.choice(TOKENS) + text[at:]
        elif action == 2:
            text = text[:at] + text[to:]
        elif action == 3:
            text = text[:to] + text[at:to] * chance.choice((1, 30)) + text[to:]
        elif action == 4:
            text = text[:at] + bytes([chance.randrange(256)]) + text[at + 1 :]
        else:
            text = text[:at] + text[to : to + chance.randrange(200)] + text[at:]
    return text


def mutation(seed: int, number: int) -> tuple[str, bytes]:
    """The name of a source and what became of it."""
    chance = random.Random(f"{seed} {number}")
    path = chance.choice(SOURCES)
    if chance.random() < 0.35:
        return path.stem, _bytes(path.read_bytes(), chance)
    document = _document(path)
    if chance.random() < 0.9:
        key = "groundwork:platform"
        config = {**document["config"], key: damaged(document["config"][key], chance, most=chance.choice((1, 1, 1, 1, 2, 6)))}
        return path.stem, json.dumps({**document, "config": config}, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return path.stem, json.dumps(damaged(document, chance, most=2)).encode()
