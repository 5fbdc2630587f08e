"""The offline reader against the real engine: the same file, and the same values or a refusal."""

import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra.reading.stackfile import KEY, engine_text, scan

pytestmark = pytest.mark.engine

SCALARS = """
on|off|yes|no|y|n|On|NO|true|True|TRUE|tRUE|false|null|Null|NULL|nUll|~|0|-0|00|010|-010|09|0o10|0O17|0b101|0x1F|0XaB|+5|-5|1_000
1__0|1_|0_1|1.0|1.50|-1.5|.5|-.5|5.|1e3|1E3|1e-7|1e21|1.5e300|1e999|123456789.0|1_0.5|0.1|1.2.3|10:30|1:2:3|12ab|0x|0xg|1-2|-|+|.|..
...x|._5|.5_0|=|:x|9223372036854775807|-9223372036854775808|9223372036854775808|18446744073709551615|18446744073709551616
0x8000000000000000|1e400|.nan|.NaN|.inf|-.INF|+.inf|+.nan|nan|inf|2026-11-24|2026-1-2|2026-11-24T10:11:12Z|2026-11-24 10:11:12
2026-11-24 10:11:12 +01:00|2026-99-99|2026-11|20261124|<<|0b12|-0b11|0o8|-0o7|0b|12e|e12|1e|_1|+_1|v1.2|1.35|"1.35"|'010'|"on"|"~"
''|""|"null"|'it''s'|"\\t\\u00e9\\n x"|models:/llama/12|a: b|a #b|a#b|#b|a b  c|@x|%x|`x|!x|&x|*x|{|}|[|]|a,b|?x|? x|-x|- x|!!str 1
!!int "1"|!!binary aGk=|"\\x00"|é|😀|"\\ud83d\\ude00"|arn:aws:iam::111122223333:role/a|111122223333|"111122223333"|10.20.0.0/16
4.8TiB|15m|40000 USD/month|10%|sha256:00|~/.kube/config|/|//|\\|"\\\\"
"""

BLOCKS = [
    "|\n  one\n  two\n",
    "|-\n  one\n   two\n",
    "|+\n  one\n\n",
    ">\n  one\n  two\n\n  three\n",
    ">-\n  a\n   b\n  c\n",
    "|2\n    two\n",
    "|\n  # no comment\n  a: b\n",
    "plain\n  that goes on\n",
    '"folded\n  double"\n',
    "'folded\n\n  single'\n",
    "\n  - 1\n  - a: 2\n    b: 3\n  -\n  - [x, {y: z}]\n",
    "\n- same\n- column\n",
    "{a: 1, b, c: , 'd': [], \"e\":1}\n",
    "{a:1}\n",
    "[a: 1, b]\n",
    "[1, 2,]\n",
    "{url: http://x:1/y?z=[1]}\n",
    "{a: b:c, d: e::f}\n",
    "[a?b, c]\n",
    "{a: x?}\n",
    "[?c, x:y]\n",
    "\n  ? long\n  : value\n",
    "\n  ? [a]\n  : value\n",
    "\n  1: a\n",
    "\n  true: a\n",
    "\n  on: a\n  no: b\n",
    "\n  ~: a\n",
    "\n  '': a\n",
    "\n  a: 1\n  a: 2\n",
    "\n  <<: {a: 1}\n  b: 2\n",
    "\n  x: &x {a: 1}\n  y: *x\n",
    "\n  secure: 1\n",
    "\n  secure: [1]\n",
    "\n  a:\n  b: # nothing\n  c: !!null\n",
    "# only a comment\n",
    "{a: 1} # comment\n",
    "{a: 1}#b\n",
    "\n\ta: 1\n",
    "a\tb\n",
    "x # y\n  z\n",
    '"\\n begins with a break"\n',
    '"\\nx"\n',
    '" \\nx"\n',
    '"x\\n"\n',
    '"x\\n\\n"\n',
    '"x \\n y"\n',
    '"x\\r\\ny"\n',
    '"\\u2028x\\ny"\n',
    '"a long text that no writer should fold ' + "word " * 40 + '"\n',
]


@pytest.fixture(scope="module")
def pulumi(tmp_path_factory: pytest.TempPathFactory) -> "Engine":
    from rehearsal.engine import locate

    return Engine(Path(locate(lambda _: None).path), tmp_path_factory.mktemp("engine"))


class Engine:
    """The command line of the real engine in a project with nothing but configuration."""

    def __init__(self, command: Path, folder: Path) -> None:
        self.command = command
        self.folder = folder
        (folder / "Pulumi.yaml").write_text("name: groundwork\nruntime: python\n")
        (folder / "state").mkdir()
        self.run("stack", "init", "dev")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        settings = {
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "not a secret",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        command = [str(self.command), *arguments, "--non-interactive"]
        return subprocess.run(
            command, cwd=self.folder, env={**os.environ, **settings}, capture_output=True, text=True, timeout=60, check=False
        )

    def texts(self, content: str) -> dict[str, str] | None:
        """What the engine makes of a stack file: every key's text as a program would receive it, or None when it refuses the file."""
        (self.folder / "Pulumi.dev.yaml").write_text(content, encoding="utf-8")
        done = self.run("config", "--show-secrets", "--json", "--stack", "dev")
        if done.returncode:
            return None
        return {key: row["value"] for key, row in json.loads(done.stdout).items()}


def compare(pulumi: Engine, content: str, tmp_path: Path) -> str:
    """ "equal" or "refused"; fails when the reader yields what the engine does not."""
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text(content, encoding="utf-8")
    mine = scan(path)
    if mine.refused:
        return "refused"
    theirs = pulumi.texts(content)
    assert theirs is not None, f"the engine refuses what the reader takes: {content!r}"
    assert {key: _json(engine_text(value)) for key, value in mine.config.items()} == {key: _json(text) for key, text in theirs.items()}
    return "equal"


def _json(text: str) -> Any:
    """The value with its exact types; texts that are not JSON as they are."""
    try:
        return repr(json.loads(text))
    except ValueError:
        return text


def plain_scalars() -> list[str]:
    return [scalar for line in SCALARS.strip("\n").split("\n") for scalar in line.split("|")]


def test_scalars_alone(pulumi: Engine, tmp_path: Path) -> None:
    """All scalars that the reader takes, in one file, as values, as items and at the top level."""
    scalars = plain_scalars()
    assert len(scalars) > 60
    rows = [f"    v{number}: {scalar}\n" for number, scalar in enumerate(scalars)]
    rows += [f"    i{number}: [{scalar}, {{k: {scalar}}}]\n" for number, scalar in enumerate(scalars)]
    taken = [row for row in rows if not refused(f"config:\n  {KEY}:\n{row}", tmp_path)]
    tops = [f"  groundwork:{row.strip()}\n" for row in taken if "[" not in row]
    assert len(taken) > 200
    assert compare(pulumi, f"config:\n{''.join(tops)}  {KEY}:\n{''.join(taken)}", tmp_path) == "equal"


@pytest.mark.parametrize("block", BLOCKS)
def test_structures(pulumi: Engine, tmp_path: Path, block: str) -> None:
    indented = "\n".join("    " + line if line and number else line for number, line in enumerate(block.split("\n")))
    assert compare(pulumi, f"config:\n  {KEY}:\n    x: {indented}", tmp_path) in ("equal", "refused")


@pytest.mark.parametrize("value", ["", "~", "5", "on", "[1, 2]", "{secure: x}", "{a: {secure: 1}}", '"{}"'])
def test_the_platform_itself(pulumi: Engine, tmp_path: Path, value: str) -> None:
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text(f"config:\n  {KEY}: {value}\n")
    if "secure: x" in value:
        assert scan(path).secure_paths
    else:
        assert compare(pulumi, path.read_text(), tmp_path) in ("equal", "refused")


@pytest.mark.parametrize("seed", range(4))
def test_texts_survive(pulumi: Engine, tmp_path: Path, seed: int) -> None:
    """Quoted texts of awkward characters; those that the engine would change are refused by the reader, one by one."""
    chance = random.Random(seed)
    rows = []
    for number in range(800):
        text = "".join(chance.choice(" \n\ta:#-'\"\\|>&*é😀,[]{}?!%@`~0\r\x85\u2028x") for _ in range(chance.randint(0, 8)))
        quoted = json.dumps(text, ensure_ascii=False).replace("\x85", "\\u0085").replace("\u2028", "\\u2028")
        row = f"    k{number}: {quoted}\n"
        if not refused(f"config:\n  {KEY}:\n{row}", tmp_path):
            rows.append(row)
    assert len(rows) > 700
    assert compare(pulumi, f"config:\n  {KEY}:\n{''.join(rows)}", tmp_path) == "equal"


def refused(content: str, tmp_path: Path) -> bool:
    path = tmp_path / "one.yaml"
    path.write_text(content, encoding="utf-8")
    return bool(scan(path).refused)


def test_reference_stack_files(pulumi: Engine, tmp_path: Path) -> None:
    files = sorted(Path(__file__).parents[2].glob("Pulumi.*.yaml"))
    assert files
    for file in files:
        content = file.read_text(encoding="utf-8")
        if "secure:" not in content:
            assert compare(pulumi, content, tmp_path) == "equal"
