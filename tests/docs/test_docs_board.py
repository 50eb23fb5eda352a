"""The board of all committed studies is what their records give."""

from __future__ import annotations

import importlib.util
import itertools
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from shown_output import ROOT

_spec = importlib.util.spec_from_file_location("board_page", ROOT / "docs" / "board_page.py")
assert _spec is not None
assert _spec.loader is not None
board_page = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(board_page)
PAGE = board_page.PAGE.read_text("utf-8")


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_the_committed_page_is_that_of_the_records() -> None:
    assert board_page.rendered() == PAGE, "write it again: python docs/board_page.py"


def test_it_has_every_committed_study_and_its_report() -> None:
    studies = board_page.committed_studies()
    assert len(studies) >= 10
    links = set(re.findall(r'<h3><a href="([^"]+)">', PAGE))
    assert links == {
        f"../{study.relative_to(ROOT).as_posix()}/report.md"
        for study in studies
        if (study / "report.md").is_file()
    }
    assert "SQuAD</" not in PAGE


class Entries(HTMLParser):
    """(task, head, share of the training set, features, study) -> score, as the page shows it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[tuple[str, ...], str] = {}
        self.columns: list[list[str]] = []
        self.cells: list[dict[str, str | None]] = []
        self.words: list[str] = []
        self.feed(PAGE)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.columns = []
        if tag == "tr":
            self.cells = []
        if tag in ("th", "td"):
            self.cells.append(dict(attrs))
            self.words = []

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.words.append(data.strip())

    def handle_endtag(self, tag: str) -> None:
        cell = self.cells[-1] if self.cells else {}
        if tag == "th" and "data-text" in cell:
            shares = [word for word in self.words if word.startswith("train_fraction=")]
            share = shares[0].partition("=")[2] if shares else "1.0"
            self.columns.append([*str(cell["data-text"]).split(), share])
        elif tag == "th" and cell.get("scope") == "row":
            self.row = self.words[0]
        elif tag == "td" and "data-score" in cell:
            key = (*self.columns[len(self.cells) - 2], self.row, str(cell["data-studies"]))
            assert key not in self.found
            marks = (
                [] if self.words[1] in ("best", f"[{cell['data-studies']}]") else self.words[1:2]
            )
            self.found[key] = " ".join([self.words[0], *marks])


def report_scores(study: Path) -> Iterator[tuple[tuple[str, ...], str]]:
    """(task, head, share of the training set, features) and score of a committed report."""
    lines = (study / "report.md").read_text("utf-8").split("## Scores", 1)[1].splitlines()
    rows = list(itertools.takewhile(lambda line: line.startswith("|"), lines[4:]))
    head, _, *rest = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]
    first = head.index("seeds") + 1
    for row in rest:
        named = dict(zip(head, row, strict=True))
        for features in head[first:]:
            point = (named["task"], named["head"], named.get("train_fraction", "1.0"), features)
            if named[features] != "–":
                yield point, named[features]


def test_scores_are_those_of_the_committed_reports() -> None:
    """Where an entry is of one study; others have the seeds of several."""
    names = re.findall(r'id="study-(\d+)">\s*<h3><a href="\.\./(results/[^"]+)/report\.md">', PAGE)
    found = Entries().found
    compared = 0
    for number, folder in names:
        for point, score in report_scores(ROOT / folder):
            shown = found.get((*point, number))
            if shown is not None:
                compared += 1
                assert shown == score, (folder, point)
    single = sum(key[-1].isdecimal() and "no vectors" not in key for key in found)
    assert compared == single > 150


def test_links_of_the_site_lead_to_its_pages() -> None:
    pages = board_page.site_pages(PAGE)
    page = pages.pop("board.html")
    links = set(re.findall(r'href="([^#"]+)"', page))
    assert links == {name.removesuffix("md") + "html" for name in pages}
    assert all(text.startswith("# ") for text in pages.values())
