"""Write a report as an HTML page, Markdown, LaTeX and CSV files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from elmobench.analysis.report.latex import to_latex
from elmobench.analysis.report.markdown import to_markdown
from elmobench.analysis.report.page.render import to_html
from elmobench.analysis.report.report import Report
from elmobench.core.files import write_bytes
from elmobench.data.cards.catalog import CardCatalog


def write_report(
    report: Report,
    folder: Path,
    source: Path | None = None,
    cards: CardCatalog | None = None,
    on_pair: Callable[[int, int], object] | None = None,
) -> list[Path]:
    """Write the HTML page, Markdown, LaTeX and the CSV files.

    Args:
        report: the tables.
        folder: where to write the files.
        source: results folder of the records and costs, if it is not ``folder``.
        cards: the task cards; None for those found without ``--include``.
        on_pair: see :func:`~elmobench.analysis.report.page.render.to_html`.

    Returns:
        The paths of the written files, the page first.
    """
    contents = {
        "report.html": to_html(report, source or folder, cards, on_pair),
        "report.md": to_markdown(report),
        "report.tex": to_latex(report),
        "scores.csv": report.statistics.to_csv(index=False),
        "cells.csv": report.cells.to_csv(index=False),
    }
    for name, text in contents.items():
        # Labels may hold lone surrogates, which UTF-8 does not have.
        write_bytes(folder / name, text.encode("utf-8", "backslashreplace"))
    return [folder / name for name in contents]
