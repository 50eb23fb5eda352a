"""The page about published heads: all of them, with their differences, as tables that are whole."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pandas as pd
import pytest

from elmobench.analysis.tables.fidelity import fidelity_of
from elmobench.reference.compare_heads import HEADS, OutputDifference
from elmobench.tasks.published_values import published_values

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docs" / "fidelity_page.py"
COMPARED = ROOT / "results" / "allennlp" / "heads.csv"


@pytest.fixture(scope="module")
def page() -> str:
    spec = importlib.util.spec_from_file_location("fidelity_page", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.fidelity_page(COMPARED))


def test_every_head_has_a_section_and_a_line_in_the_summary(page: str) -> None:
    for name, head in published_values().items():
        compared = fidelity_of(head)
        different = len(compared.differences)
        same = len(compared.lines) - different
        assert f"## {name}\n" in page
        link = re.escape(f"[{name}](#{name.replace('/', '')})")
        assert re.search(rf"\| {link} \| .+ \| {same} rows \| {different} rows \|", page)
        for line in compared.differences:
            assert line.reason is not None
            assert " ".join(line.reason.split()) in page


def test_the_summary_has_the_published_scores(page: str) -> None:
    assert "| 90.15, 92.22 (Peters et al. 2018, table 1) |" in page
    assert "| 67.2, 70.4 (Peters et al. 2018, table 1) |" in page


def test_a_source_that_was_not_read_is_marked_in_its_rows(page: str) -> None:
    assert "| mean over its instances in SemCor 3.0 | 1 (not seen) |" in page
    assert "| Units per layer and direction | 200 | 1: encoder.hidden_size |" in page


def test_rows_have_the_columns_of_their_table(page: str) -> None:
    columns = 0
    for line in page.splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line)) - 1 if line.startswith("|") else 0
        assert not columns or cells in (0, columns), line
        columns = cells


def test_the_committed_comparison_has_every_head_and_all_are_equal(page: str) -> None:
    frame = pd.read_csv(COMPARED)
    assert list(frame["head"].unique()) == list(HEADS)
    for head, own in frame.groupby("head"):
        assert set(own.preset) == {HEADS[head].preset}
        assert f"| {head} | [{HEADS[head].preset}](#" in page
    rows = [
        OutputDifference(row.head, row.output, row.values, row.measure, row.difference)
        for row in frame.itertuples()
    ]
    assert [row for row in rows if not row.equal] == []
