"""The board of all committed studies is what their records give."""

from __future__ import annotations

import importlib.util
import re

import pytest
from shown_output import ROOT

_spec = importlib.util.spec_from_file_location("board_page", ROOT / "docs" / "board_page.py")
assert _spec is not None
assert _spec.loader is not None
board_page = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(board_page)
PAGE = board_page.PAGE.read_text("utf-8")


@pytest.mark.slow
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


def test_links_of_the_site_lead_to_its_pages() -> None:
    pages = board_page.site_pages(PAGE)
    page = pages.pop("board.html")
    links = set(re.findall(r'href="([^#"]+)"', page))
    assert links == {name.removesuffix("md") + "html" for name in pages}
    assert all(text.startswith("# ") for text in pages.values())
