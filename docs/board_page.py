"""``board.html``: the board of all committed studies, made from their records.

``python docs/board_page.py`` writes it; a test compares.
"""

from __future__ import annotations

import re
from pathlib import Path

from elmobench.analysis.board.board import make_board
from elmobench.analysis.board.render import board_page

_ROOT = Path(__file__).resolve().parents[1]
_RESULTS = _ROOT / "results"
PAGE = _ROOT / "docs" / "board.html"
_LINK = re.compile(r'href="\.\./results/([^"]+)/report\.md"')


def committed_studies() -> list[Path]:
    """Results folders that are committed: packed, unlike those of a run in a checkout."""
    return sorted(path.parent for path in _RESULTS.rglob("records.jsonl.gz"))


def rendered() -> str:
    """The page, which links to the committed reports."""
    board = make_board(committed_studies(), reports=("report.md",))
    return board_page(board, PAGE.parent, "Board of all committed studies")


def site_pages(page: str) -> dict[str, str]:
    """The page as part of the documentation, and the reports that it links to, as pages.

    Args:
        page: the content of ``board.html``.

    Returns:
        Path in the documentation -> content.
    """
    names = dict.fromkeys(_LINK.findall(page))
    reports = {
        f"reports/{_flat(name)}.md": (_RESULTS / name / "report.md").read_text("utf-8")
        for name in names
    }
    return {"board.html": _LINK.sub(lambda m: f'href="reports/{_flat(m[1])}.html"', page)} | reports


def _flat(name: str) -> str:
    return name.replace("/", "-")


if __name__ == "__main__":
    PAGE.write_text(rendered(), "utf-8")
