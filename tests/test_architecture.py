"""The house holds: imports go down only, and one file compares clouds."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = {
    "graph": set(),
    "components": set(),
    "workloads": set(),
    "infra": {"components", "graph"},
    "policies": {"components", "graph"},
    "rehearsal": {"graph"},
    "review": {"components", "graph", "infra", "policies", "rehearsal"},
    "operations": {"components", "graph", "infra", "policies", "rehearsal", "review"},
}
"""Room to the rooms it may import, beside itself."""
CLOUDS = ("aws", "gcp", "azure", "onprem")


def sources(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found.add(node.module or "")
    return found


def stray_imports(room: str, path: Path) -> set[str]:
    return {name for name in imports(path) if name.split(".")[0] in set(ROOMS) - ROOMS[room] - {room}}


def cloud_comparisons(tree: ast.AST) -> list[int]:
    """Lines that compare something with a cloud's name, or match on one."""
    lines = []
    for node in ast.walk(tree):
        operands = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
        operands += [node.value] if isinstance(node, ast.MatchValue) else []
        if any(isinstance(o, ast.Constant) and o.value in CLOUDS for o in operands):
            lines.append(node.lineno)
    return lines


@pytest.mark.parametrize("room", ROOMS)
def test_no_arrow_runs_back_up(room: str) -> None:
    stray = {str(path.relative_to(ROOT)): names for path in sources(room) if (names := stray_imports(room, path))}
    assert not stray


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def circle(arrows: dict[str, set[str]]) -> list[str]:
    """Modules that are on some circle, or lead to one, after everything without an arrow has been taken away again and again."""
    left = {name: set(to) for name, to in arrows.items()}
    while loose := {name for name, to in left.items() if not to & set(left)}:
        left = {name: to for name, to in left.items() if name not in loose}
    return sorted(left)


def test_no_circles() -> None:
    paths = {module_of(path): path for room in ROOMS for path in sources(room)}
    assert circle({name: (imports(path) & set(paths)) - {name} for name, path in paths.items()}) == []
    assert circle({"a": {"b"}, "b": {"a"}, "c": set()}) == ["a", "b"]


def test_clouds_and_the_neutral_layer_keep_apart() -> None:
    of_clouds = {cloud: {f"components.{cloud}", f"infra.{cloud}"} for cloud in CLOUDS}
    any_cloud = set().union(*of_clouds.values())
    kept_apart = {f"{room}/{cloud}": any_cloud - of_clouds[cloud] for room in ("components", "infra") for cloud in CLOUDS}
    kept_apart |= dict.fromkeys(("components/kubernetes", "infra/rules", "infra/reading"), any_cloud | {"pulumi_aws", "pulumi_gcp"})
    for folder, forbidden in kept_apart.items():
        for path in (ROOT / folder).rglob("*.py"):
            found = {name for name in imports(path) if any(name == f or name.startswith(f + ".") for f in forbidden)}
            assert not found, f"{path} imports {found}"


def test_one_file_compares_clouds() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{line}"
        for room in ("components", "infra", "review", "operations", "policies")
        for path in sources(room)
        if path != ROOT / "infra" / "sites.py"
        for line in cloud_comparisons(ast.parse(path.read_text()))
    }
    assert not found


def test_the_checks_above_see_what_they_look_for(tmp_path: Path) -> None:
    upward = tmp_path / "x.py"
    upward.write_text("from review.build import build\nimport infra.sites\n")
    assert stray_imports("graph", upward) == {"review.build", "infra.sites"}
    assert stray_imports("operations", upward) == set()
    assert cloud_comparisons(ast.parse("if site.cloud == 'aws':\n    pass")) == [1]
    assert cloud_comparisons(ast.parse("match c:\n    case 'gcp':\n        pass")) == [2]
    assert cloud_comparisons(ast.parse("x = 'aws'")) == []
