"""The third-party modules that sources import, by their syntax alone."""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path


@cache
def imported_modules(folder: Path) -> dict[str, str]:
    """Top-level third-party module -> a file that imports it, also inside functions."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            else:
                continue
            for name in names:
                top = name.partition(".")[0]
                if top not in sys.stdlib_module_names:
                    found[top] = path.name
    return found
