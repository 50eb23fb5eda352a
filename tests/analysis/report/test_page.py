"""The report page is one file, fetches nothing, and escapes all data."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from browser import BROWSER, dom_of
from hypothesis import given
from hypothesis import strategies as st
from made_up import GOLD, keep, predictions, record

from elmobench.analysis.report.page.examples import MAX_EXAMPLES, example_groups
from elmobench.analysis.report.page.figures import Series, lines, swatch
from elmobench.analysis.report.page.parts import Column, Table, TableCell
from elmobench.analysis.report.page.render import to_html
from elmobench.analysis.report.report import make_report
from elmobench.analysis.report.write import write_report
from elmobench.analysis.stats.pareto_frontier import pareto_frontier
from elmobench.data.cards.catalog import CardCatalog
from elmobench.tracking.record_store import RecordStore


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = RecordStore(tmp_path)
    for share, extra in ((1.0, 0), (0.1, 6)):
        for seed in (1, 2, 3):
            for features, wrong, start in (("flat", 30, 0), ("deep", 4, 60)):
                predicted = predictions(wrong + extra + seed, start)
                keep(store, record(features, seed, predicted, {"train_fraction": share}), predicted)
    return tmp_path


class _Page(HTMLParser):
    VOID = frozenset({"meta", "link", "input", "br", "path", "rect", "use"})

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        name = values.get("id")
        if name and not re.fullmatch(
            "[a-z][0-9a-f]{10}", name
        ):  # ids inside figures are tested below
            self.ids.append(name)
        self.references += [str(values[n]) for n in ("src", "href", "xlink:href") if n in values]
        self.scripts += tag == "script"
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.stack.pop() == tag


@pytest.mark.slow
def test_the_page_is_well_formed_and_fetches_nothing(folder: Path) -> None:
    paths = write_report(make_report(folder), folder)
    assert [path.name for path in paths] == [
        "report.html",
        "report.md",
        "report.tex",
        "scores.csv",
        "cells.csv",
    ]
    text = paths[0].read_text("utf-8")
    page = _Page()
    page.feed(text)
    page.close()
    assert not page.stack
    assert len(set(page.ids)) == len(page.ids)
    # Only anchors of the page, and only its own data and script, whatever the examples contain.
    assert all(reference.startswith("#") for reference in page.references)
    assert page.scripts == 2
    assert "alert(1)</script>" not in text
    assert not re.search(r"url\((?!#)", text)
    assert "@import" not in text
    for heading in (
        "Scores",
        "Differences",
        "Layer weights",
        "Layer weights over the epochs",
        "Learning curves",
        "Smaller training sets",
        "Costs",
        "Examples with different predictions",
        "Data, models and software",
    ):
        assert f"{heading}" in text
    for anchor in re.findall(r'href="#([^"]+)"', text):
        assert f'id="{anchor}"' in text
    # Every figure has a text alternative or is hidden from screen readers.
    for tag in re.findall(r"<svg[^>]*>", text):
        assert "aria-label=" in tag or "aria-hidden" in tag


@pytest.mark.slow
def test_numbers_equal_those_of_the_records(folder: Path) -> None:
    text = to_html(make_report(folder), folder)
    # 80 examples; seeds 1, 2, 3 flip one more each: mean of 5, 6, 7 wrong.
    mean = 100 * (1 - 6 / 80)
    assert f"{mean:.2f} ± 1.25" in text
    (data,) = re.findall(r'<script type="application/json" id="example-data">(.*?)</script>', text)
    group = json.loads(data)[0]
    assert sorted(group["systems"]) == ["deep", "flat"]
    for row in group["rows"]:
        place = int(row["id"].rsplit(" ", 1)[1])
        assert row["gold"] == GOLD[place]
        assert row["score"] == [100.0 * (label == GOLD[place]) for label in row["predicted"]]
        assert row["predicted"][0] != row["predicted"][1]


def test_examples_of_both_directions_are_kept(folder: Path) -> None:
    store = RecordStore(folder)
    (full, tenth) = example_groups(store, store.planned(), ["flat", "deep"], CardCatalog())
    for group in (full, tenth):
        assert len(group["rows"]) <= MAX_EXAMPLES
        assert {row["score"][0] > row["score"][1] for row in group["rows"]} == {True, False}


@pytest.mark.slow
def test_without_predictions_other_sections_remain(folder: Path) -> None:
    for path in (folder / "predictions").iterdir():
        path.unlink()
    text = to_html(make_report(folder), folder)
    assert "Examples with different predictions" not in text
    assert "Left out: " in text
    assert "Learning curves" in text


def test_figures_can_share_a_page() -> None:
    one = lines({"a": Series(0, [1, 2], [3, 4])}, "t <&>", "epoch", "dev")
    two = lines({"a": Series(1, [1, 2], [3, 5], [2, 4], [4, 6])}, "u", "epoch", "dev")
    assert "t &lt;&amp;&gt;" in one
    assert "#0a0b" not in one + two  # every colour is a CSS variable
    assert "var(--series-1)" in one
    assert "var(--series-2)" in two
    definitions: dict[str, str] = {}
    for text in (one, two, swatch(0), swatch(1)):
        for name, rest in re.findall(r'id="([^"]+)"([^>]*)>', text):
            assert definitions.setdefault(name, rest) == rest


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 20)), min_size=1))
def test_the_frontier_has_the_points_that_nothing_dominates(
    points: list[tuple[float, float]],
) -> None:
    def dominated(one: tuple[float, float]) -> bool:
        return any(o[0] <= one[0] and o[1] >= one[1] and o != one for o in points)

    assert pareto_frontier(points) == sorted({one for one in points if not dominated(one)})


@pytest.mark.slow
def test_latex_escapes_what_it_must(folder: Path) -> None:
    write_report(make_report(folder), folder)
    text = (folder / "report.tex").read_text("utf-8")
    assert r"\toprule" in text
    assert r"train\_fraction" in text
    assert r"$\pm$" in text
    assert text.count("\\begin{tabular}") == text.count("\\end{tabular}") >= 3


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
def test_a_browser_shows_the_examples(folder: Path, tmp_path: Path) -> None:
    write_report(make_report(folder), folder)
    dom = dom_of(folder / "report.html", tmp_path)
    listed = dom[dom.index('<ol id="browser-list">') : dom.index("</ol>")]
    # The script lists twenty examples and shows the data as text.
    assert listed.count("<li>") == 20
    assert "&lt;/script&gt;" in listed
    assert "<b>" not in listed
    assert re.search(r'role="status">\d+ of \d+ examples on this page', dom)


def test_rows_with_the_same_task_and_head_are_grouped() -> None:
    columns = [Column("task"), Column("head"), Column("features"), Column("s0", True)]
    rows = [
        [TableCell(t), TableCell("linear"), TableCell(f), TableCell("1")]
        for t in "ab"
        for f in "xyz"
    ]
    assert Table(columns, rows).group_columns == 2
    assert Table.group_title(rows[0], 2) == "a · linear"
    # With one row per group there are no headings.
    assert Table(columns, rows[::3]).group_columns == 0
    assert Table(columns[2:], [row[2:] for row in rows]).group_columns == 0
