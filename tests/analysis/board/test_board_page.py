"""The page of a board: one file that fetches nothing, escapes all text, and is a proper table."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from browser import BROWSER, dom_of
from made_studies import made_cell, made_study
from made_up import NASTY

from elmobench.analysis.board.board import make_board
from elmobench.analysis.board.render import board_page, value_text

VOID = frozenset({"meta", "input", "br"})


class Page(HTMLParser):
    """The elements of a page with their attributes and texts; checks that tags match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.stack: list[dict[str, str]] = []
        self.elements: list[dict[str, str]] = []
        self.labels: list[tuple[dict[str, str], dict[str, str]]] = []
        self.tables: list[list[list[dict[str, str]]]] = []
        self.feed(text)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = {"tag": tag, "text": "", **{name: value or "" for name, value in attrs}}
        self.labels += [(element, e) for e in self.stack if e["tag"] == "label"]
        self.elements.append(element)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append(element)
        if tag not in VOID:
            self.stack.append(element)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.stack.pop()["tag"] == tag

    def handle_data(self, data: str) -> None:
        for element in self.stack:
            element["text"] += data

    def of(self, tag: str) -> list[dict[str, str]]:
        return [element for element in self.elements if element["tag"] == tag]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Studies whose names, options and texts hold markup; one has a report."""
    where = tmp_path_factory.mktemp("board")
    nasty = [
        made_cell(f"flat{NASTY}", 1, task=f"senti<b>/{NASTY}", options={NASTY: value})
        for value in (NASTY, "javascript:alert(1)")
    ]
    made_study(where / "a 'q' \"&<i>#?%", nasty, name=NASTY, description=NASTY, caveats=[NASTY])
    plain = [made_cell(name, seed, 9 + seed) for name in ("flat", "deep") for seed in (1, 2, 3)]
    made_study(where / "javascript:x", plain)
    (where / "javascript:x" / "report.html").write_text("<p>report</p>")
    (where / "javascript:x" / "report.md").write_text("report")
    return where


@pytest.fixture(scope="module")
def text(folder: Path) -> str:
    names = sorted(path for path in folder.iterdir() if path.is_dir())
    return board_page(make_board(names), folder / "out")


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_it_fetches_nothing_and_runs_its_own_script_only(text: str, page: Page) -> None:
    (script,) = page.of("script")
    digest = base64.b64encode(hashlib.sha256(script["text"].encode()).digest()).decode()
    (policy,) = (e["content"] for e in page.of("meta") if e.get("http-equiv"))
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}'" in policy
    assert page.of("link") == page.of("img") == page.of("iframe") == []
    assert not any({"src", "onclick", "onerror", "style"} & set(e) for e in page.elements)
    assert not re.search(r"url\(|@import|https?://", text)


def test_text_from_records_is_text(text: str, page: Page) -> None:
    assert "alert(1)</script>" not in text
    assert "<b>" not in text
    assert "<i>" not in text
    texts = [element["text"] for element in page.elements]
    for shown in (f"flat{NASTY} other", NASTY, f"options.{NASTY}", "javascript:alert(1)"):
        assert any(shown in one for one in texts), shown
    (row,) = {e["data-name"] for e in page.of("tr") if "alert" in e.get("data-name", "")}
    assert row == f"flat{NASTY}"


def test_links_lead_to_reports_and_to_places_of_the_page(folder: Path, page: Page) -> None:
    ids = [element["id"] for element in page.elements if "id" in element]
    assert len(set(ids)) == len(ids)
    links = [link["href"] for link in page.of("a")]
    outside = {link for link in links if not link.startswith("#")}
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    assert outside == {"../javascript%3Ax/report.html"}
    assert (folder / unquote(outside.pop()).removeprefix("../")).is_file()


def test_tables_are_rectangles_with_named_rows_and_columns(page: Page) -> None:
    assert len(page.tables) == 3  # two kinds of task, and the differences of one
    for head, *rows in page.tables:
        assert [cell["tag"] for cell in head] == ["th"] * len(head)
        assert {cell["scope"] for cell in head} == {"col"}
        for row in rows:
            assert len(row) == len(head)
            assert (row[0]["tag"], row[0]["scope"]) == ("th", "row")
            assert {cell["tag"] for cell in row[1:]} == {"td"}


def test_an_entry_shows_score_spread_interval_costs_and_study(page: Page) -> None:
    (table,) = (t for t in page.tables if t[0][-1].get("data-text") == "sentiment/made-up linear")
    _, (name, deep), _ = table
    assert name["text"].split() == ["deep", "other"]
    shown = " ".join(deep["text"].split())
    # 80 examples, 10, 11 and 12 wrong: Student's quantile of two degrees of freedom is 4.303.
    half = 4.302653 * 1.25 / 3**0.5
    assert shown == (
        f"86.25 ± 1.25 [2] {86.25 - half:.2f} … {86.25 + half:.2f}, 3 seeds train 2.0 s, 12 B/token"
    )
    assert deep["data-score"] == "86.2500"
    assert deep["data-studies"] == "2"


def test_every_control_has_a_label(page: Page) -> None:
    (form,) = page.of("form")
    assert "hidden" in form  # without a script there are no filters, and all entries are shown
    controls = [e for e in page.elements if e["tag"] in ("select", "input")]
    assert len(controls) == 8
    labelled = [element for element, label in page.labels if label["text"].strip()]
    assert [element for element in labelled if element["tag"] != "option"] == controls
    (button,) = page.of("button")
    assert button["text"] == "Clear all"
    assert not any("hidden" in cell for table in page.tables for row in table for cell in row)


def test_long_values_are_shortened() -> None:
    assert value_text(list(range(100))).startswith("100 values, digest ")
    assert value_text({"lr": [0.1]}) == '{"lr": [0.1]}'
    assert value_text("x" * 500) == "x" * 80


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
def test_a_browser_makes_the_filters(text: str, tmp_path: Path) -> None:
    (tmp_path / "board.html").write_text(text, "utf-8")
    dom = dom_of(tmp_path / "board.html", tmp_path)
    assert re.search(r'role="status">4 of 4 entries, 3 of 3 columns', dom)
    assert dom.count('aria-sort="none"') == 5
