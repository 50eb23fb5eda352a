"""A later folder may import an earlier one, never the reverse; imports load no heavy modules."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

import elmobench

ROOT = Path(elmobench.__file__).parent
ORDER = [
    "core",
    "data",
    "features",
    "nn",
    "metrics",
    "tasks",
    "tracking",
    "training",
    "pretraining",
    "finetuning",
    "reference",
    "bench",
    "analysis",
    "api",
    "cli",
]


def _room(parts: tuple[str, ...]) -> str:
    if not parts or parts[0] not in ORDER:
        return "core"
    return parts[0]


def _imports(path: Path) -> set[tuple[str, ...]]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            parts = tuple(name.split("."))
            if parts[0] == "elmobench":
                found.add(parts[1:])
    return found


def violations(root: Path) -> list[str]:
    wrong = []
    for path in sorted(root.rglob("*.py")):
        relative = path.relative_to(root).with_suffix("")
        if relative.parts in (("__init__",), ("__main__",)):
            continue  # the public names, imported lazily
        own = _room(relative.parts)
        for parts in _imports(path):
            other = _room(parts)
            if ORDER.index(other) > ORDER.index(own):
                wrong.append(f"{relative} imports {'.'.join(parts)}")
    return wrong


def test_imports_follow_the_order_of_packages() -> None:
    assert violations(ROOT) == []


def test_the_check_sees_a_violation(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "bad.py").write_text("def f():\n    from elmobench.bench import run\n")
    assert len(violations(tmp_path)) == 2  # the package and the name in it


def test_the_command_line_loads_nothing_heavy() -> None:
    code = (
        "import sys, elmobench.cli.main;"
        "print([m for m in ('torch', 'pandas', 'mlflow', 'sklearn', 'h5py') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def _modules(root: Path) -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in root.rglob("*.py"):
        parts = ("elmobench", *path.relative_to(root).with_suffix("").parts)
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


def cycles(root: Path) -> list[list[str]]:
    """Groups of modules that import each other, directly or indirectly.

    Imports inside functions and under ``TYPE_CHECKING`` count: a reader follows those as well.
    Each group is a strongly connected component with more than one module.
    """
    modules = _modules(root)
    edges = {
        name: {
            target
            for parts in _imports(path)
            if (target := ".".join(("elmobench", *parts))) in modules and target != name
        }
        # `from package import module` also names the package, whose __init__ imports nothing.
        - {name.rpartition(".")[0]}
        for name, path in modules.items()
        if name != "elmobench"  # the public names, imported lazily
    }
    matrix_of = sorted(edges)
    number = {name: i for i, name in enumerate(matrix_of)}
    pairs = [(number[a], number[b]) for a, bs in edges.items() for b in bs if b in number]
    rows, columns = zip(*pairs, strict=True)
    graph = coo_array(([1] * len(pairs), (rows, columns)), shape=(len(edges), len(edges)))
    _, labels = connected_components(graph, directed=True, connection="strong")
    groups: dict[int, list[str]] = {}
    for name, label in zip(matrix_of, labels, strict=True):
        groups.setdefault(int(label), []).append(name)
    return sorted(group for group in groups.values() if len(group) > 1)


def test_there_are_no_import_cycles() -> None:
    assert cycles(ROOT) == []


def test_the_check_sees_a_cycle(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("from elmobench.b import f\n")
    (tmp_path / "b.py").write_text("def f():\n    from elmobench.c import g\n")
    (tmp_path / "c.py").write_text("import elmobench.a\n")
    assert cycles(tmp_path) == [["elmobench.a", "elmobench.b", "elmobench.c"]]
