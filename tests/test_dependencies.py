"""Every package that a room imports is declared by pyproject.toml itself, and what is declared is imported."""

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import files, packages_distributions
from pathlib import Path
from typing import Final

import yaml

ROOT: Final = Path(__file__).parents[1]
ROOMS: Final = ("bench", "components", "graph", "infra", "operations", "policies", "rehearsal", "review", "workloads")
DEVELOPMENT: Final = ("tests",)
TOOLS: Final = {"mypy", "pre-commit", "pytest-xdist", "ruff", "types-protobuf", "types-pyyaml"}
"""Declared for development and run as programs or plug-ins, never imported."""
ELSEWHERE: Final = {"checkov": "tests/external has environments of its own"}
"""Imported by programs that run in another environment."""


def declared(*groups: str) -> set[str]:
    """Names of distributions that the project and some of its dependency groups name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    rows = [*project["project"]["dependencies"], *(row for group in groups for row in project["dependency-groups"][group])]
    return {normal(re.split(r"[\s\[<>=!~;]", row)[0]) for row in rows}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def imported(folder: str) -> dict[str, str]:
    """Distributions of packages imported anywhere below a folder, in functions and in programs given as text too, each with a place."""
    owners, found = packages_distributions(), {}
    own = {path.name for path in ROOT.iterdir() if path.is_dir()}
    for path in sorted((ROOT / folder).rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        programs = [
            node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str) and "import " in node.value
        ]
        beside = {module.stem for module in path.parent.glob("*.py")}
        for module in {name for tree in (nodes, *map(nodes_of, programs)) for name in modules(tree)}:
            top = module.partition(".")[0]
            if top not in sys.stdlib_module_names and top not in own | beside:
                among = owners.get(top, [top])
                these = [owner for owner in among if holds(owner, module)] if len(set(among)) > 1 else among
                found.update({normal(owner): f"{path.relative_to(ROOT)} imports {module}" for owner in these})
    return found


@cache
def holds(owner: str, module: str) -> bool:
    """Whether a distribution, of several that share a namespace, holds a module."""
    folder = module.replace(".", "/")
    return any(str(file).startswith((f"{folder}/", f"{folder}.")) for file in files(owner) or ())


def nodes_of(program: str) -> list[ast.AST]:
    try:
        return list(ast.walk(ast.parse(program)))
    except SyntaxError:
        return []


def modules(nodes: list[ast.AST]) -> set[str]:
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return found | {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}


def test_rooms_import_only_what_is_declared() -> None:
    found = {owner: place for room in ROOMS for owner, place in imported(room).items()}
    assert len(found) > 8
    missing = {owner: place for owner, place in found.items() if owner not in declared("lookup")}
    assert not missing, missing


def test_tests_import_only_what_is_declared() -> None:
    missing = {owner: place for owner, place in imported("tests").items() if owner not in declared("dev", "lookup")}
    assert {owner: place for owner, place in missing.items() if owner not in ELSEWHERE} == {}


def test_nothing_is_declared_that_nobody_uses() -> None:
    found = {owner for folder in (*ROOMS, *DEVELOPMENT) for owner in imported(folder)}
    assert declared("dev", "lookup") - found - TOOLS == set()


def test_uv_is_installed_by_its_hash() -> None:
    rows = (ROOT / ".ci" / "uv.txt").read_text().replace("\\\n", " ").splitlines()
    pinned = [row.split() for row in rows if row and not row.startswith("#")]
    assert len(pinned) == 1
    assert re.fullmatch(r"uv==\d+\.\d+\.\d+", pinned[0][0])
    assert len(pinned[0]) > 2
    assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", word) for word in pinned[0][1:])
    installs = [
        line for name in ("Makefile", "README.md", ".ci/run") for line in (ROOT / name).read_text().splitlines() if "pip install" in line
    ]
    assert len(installs) == 1
    assert all("--require-hashes" in line and "UV_PINNED" in line for line in installs)


def test_every_lock_has_a_bot_that_updates_it() -> None:
    bot = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())
    watched = {(row["package-ecosystem"], folder) for row in bot["updates"] for folder in row.get("directories", [row.get("directory")])}
    modules = {("gomod", f"/{path.parent.relative_to(ROOT)}") for path in (ROOT / "rehearsal" / "data").rglob("go.mod")}
    assert watched == modules | {("uv", "/"), ("pip", "/.ci")}


def test_every_path_with_owners_is_there() -> None:
    rows = [line.split() for line in (ROOT / ".github" / "CODEOWNERS").read_text().splitlines() if line and not line.startswith("#")]
    assert rows[0][0] == "*"
    assert [row[0] for row in rows if row[0] != "*" and not (ROOT / row[0].strip("/")).exists()] == []
    assert all(len(row) > 1 and all(owner.startswith("@") for owner in row[1:]) for row in rows)
    assert (ROOT / "SECURITY.md").is_file()
