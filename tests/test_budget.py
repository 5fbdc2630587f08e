"""The code budget: printed with `pytest -s`, enforced always."""

import ast
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).parent.parent
ROOMS = ("components", "graph", "infra", "operations", "policies", "rehearsal", "review", "workloads")
LIMITS = {"median function": 12, "p90 function": 35, "longest function": 80, "longest file": 400, "functions without types": 0}


def sources() -> list[Path]:
    return [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def untyped(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return node.returns is None or any(a.annotation is None for a in every if a.arg not in ("self", "cls"))


def longest(rows: list[tuple[int, str]]) -> tuple[int, str]:
    return max(rows)


def test_the_code_stays_within_its_budget() -> None:
    found = [(length(f), f"{p.relative_to(ROOT)}:{f.name}", untyped(f)) for p in sources() for f in functions(p)]
    lengths = [size for size, _, _ in found]
    files = [(len(p.read_text().splitlines()), str(p.relative_to(ROOT))) for p in sources()]
    figures = {
        "median function": median(lengths),
        "p90 function": quantiles(lengths, n=10)[-1],
        "longest function": longest([(size, name) for size, name, _ in found])[0],
        "longest file": longest(files)[0],
        "functions without types": sum(bare for _, _, bare in found),
    }
    over = [row for row in files if row[0] > LIMITS["longest file"]]
    over += [(size, name) for size, name, bare in found if size > LIMITS["longest function"] or bare]
    print(f"\n{len(files)} files, {len(found)} functions: {figures}")
    assert all(figures[name] <= limit for name, limit in LIMITS.items()), (figures, over)
