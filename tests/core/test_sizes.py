"""Files and functions stay short enough to be read in one sitting."""

from __future__ import annotations

import ast
from pathlib import Path

import elmobench

ROOT = Path(elmobench.__file__).parent
FILE_LINES = 450
FUNCTION_LINES = 80
REASON = "# Long:"
"""Comment on the line above a longer function: why it is not split."""


def long_files(root: Path) -> list[str]:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in root.rglob("*.py")}
    return sorted(str(path.name) for path, lines in lengths.items() if lines > FILE_LINES)


def long_functions(root: Path) -> list[str]:
    """Functions over the limit without a reason."""
    found = []
    for path in sorted(root.rglob("*.py")):
        text = path.read_text("utf-8")
        lines = text.splitlines()
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES and not lines[first - 2].strip().startswith(REASON):
                found.append(f"{path.name}:{node.name} ({length} lines)")
    return found


def test_sizes() -> None:
    assert long_files(ROOT) == []
    assert long_functions(ROOT) == []


def test_the_check_sees_them(tmp_path: Path) -> None:
    body = "    x = 1\n" * FUNCTION_LINES
    (tmp_path / "a.py").write_text(f"def f():\n{body}\n\n# Long: data.\ndef g():\n{body}")
    (tmp_path / "b.py").write_text("x = 1\n" * (FILE_LINES + 1))
    assert long_functions(tmp_path) == [f"a.py:f ({FUNCTION_LINES + 1} lines)"]
    assert long_files(tmp_path) == ["b.py"]


def test_test_modules_have_names_of_their_own() -> None:
    """pytest imports them by their names, and stops at the second of two equal ones."""
    names = [path.name for path in Path(__file__).parents[1].rglob("test_*.py")]
    assert sorted({name for name in names if names.count(name) > 1}) == []
