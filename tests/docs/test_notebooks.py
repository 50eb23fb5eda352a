"""The notebooks of the documentation run, and print what they show."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from shown_output import ROOT, assert_same_output

sys.path.insert(0, str(ROOT / "docs"))
from notebook_pages import NOTEBOOKS, notebook_page

PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))


def texts(cell: dict[str, Any]) -> list[str]:
    """The outputs of a cell as text."""
    outputs = cell.get("outputs", [])
    return [one["text"] if "text" in one else one["data"]["text/plain"] for one in outputs]


@pytest.mark.nightly
@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_prints_what_it_shows(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a kernel of its own, without a network or data of this machine."""
    nbformat = pytest.importorskip("nbformat")
    from run_notebooks import run_notebook

    for name in ("ELMOBENCH_SHARED", "ELMOBENCH_RESULTS"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "mirror").mkdir()
    monkeypatch.setenv("ELMOBENCH_MIRROR", str(tmp_path / "mirror"))
    shown = nbformat.read(path, as_version=4)
    ran = run_notebook(path, tmp_path)
    for before, after in zip(shown.cells, ran.cells, strict=True):
        assert before.source == after.source
        assert len(texts(before)) == len(texts(after)), after.source
        for text, real in zip(texts(before), texts(after), strict=True):
            assert_same_output(text, real, path.name)
        # A run has one output with bars, whatever the number of its cells.
        if "elmobench.run(" in after.source:
            bars, result = after.outputs
            assert bars.output_type == "display_data"
            assert bars.data["text/plain"].startswith("cells trained: ")
            assert result.output_type == "execute_result"
    assert any("elmobench.run(" in cell.source for cell in ran.cells)
    assert [inner.name for inner in tmp_path.iterdir()] == ["mirror"]  # nothing in a checkout


def test_there_are_three_and_no_place_of_this_machine_is_in_them() -> None:
    assert len(PATHS) == 3
    for path in PATHS:
        text = path.read_text("utf-8")
        assert "/tmp" not in text
        assert str(Path.home()) not in text


def test_a_page_has_cells_and_outputs() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "Text."]},
        {
            "cell_type": "code",
            "source": ["print(1)"],
            "outputs": [
                {"output_type": "stream", "text": ["1\n"]},
                {"output_type": "display_data", "data": {"text/plain": ["two"]}},
                {
                    "output_type": "execute_result",
                    "data": {"text/html": ["<style>x</style><table></table>"], "text/plain": ["t"]},
                },
            ],
        },
    ]
    assert notebook_page({"cells": cells}, "a.ipynb") == (
        "# Title\nText.\n\n[Download this notebook](a.ipynb)\n\n```python\nprint(1)\n```\n\n"
        "```text\n1\n```\n\n```text\ntwo\n```\n\n<table></table>\n"
    )
