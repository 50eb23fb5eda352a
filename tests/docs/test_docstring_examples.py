"""The examples in docstrings run, and every public name has one."""

from __future__ import annotations

import ast
import doctest
import inspect
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import elmobench

SOURCE = Path(elmobench.__file__).parent


def modules_with_examples() -> list[str]:
    """Dotted names of all modules whose docstrings contain ``>>>``."""
    names = []
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text("utf-8")
        if ">>>" in text and any(
            ">>>" in (ast.get_docstring(node) or "")
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        ):
            parts = path.relative_to(SOURCE.parent).with_suffix("").parts
            names.append(".".join(parts).removesuffix(".__init__"))
    return names


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stored vectors, which examples of the same study share."""
    return tmp_path_factory.mktemp("store")


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_of_a_module_run(
    name: str,
    tmp_path: Path,
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # An example may write results or other files; they belong to the test.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ELMOBENCH_STORE", str(store))
    with np.printoptions(precision=4, suppress=True):
        results = doctest.testmod(
            import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        )
    assert results.attempted > 0
    assert results.failed == 0, capsys.readouterr().out


@pytest.mark.parametrize("name", elmobench.__all__)
def test_every_public_name_has_an_example(name: str) -> None:
    thing = getattr(elmobench, name)
    docs = [inspect.getdoc(thing) or ""]
    if inspect.isclass(thing):
        docs += [inspect.getdoc(member) or "" for member in vars(thing).values()]
    assert any(">>>" in doc for doc in docs), f"elmobench.{name} has no example"
