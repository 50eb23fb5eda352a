"""A later folder may import an earlier one, never the reverse; and importing stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

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


def test_imports_follow_the_order_of_the_house() -> None:
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
