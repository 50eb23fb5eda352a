"""The report of an experiment: printed, and written as Markdown and CSV."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from elmobench.analysis.stats.differences import DEFAULT_MARGIN
from elmobench.analysis.tables.results_frame import frame_of
from elmobench.analysis.tables.score_tables import (
    cost_table,
    layer_weight_table,
    reference_table,
    score_statistics,
    score_table,
)
from elmobench.core.errors import DataError
from elmobench.core.files import write_text
from elmobench.data.cards.card import TaskCard
from elmobench.tracking.record import RecordStore, RunRecord

REFERENCES = "Beside them"
"""Title of the section with ceilings and published numbers."""


@dataclass(frozen=True)
class Report:
    """The tables of one experiment.

    Attributes:
        name: of the experiment.
        caveats: to be shown with every table.
        sections: title, explanation, table.
        features: the compared features, in the experiment's order.
        statistics: scores as numbers, for the CSV.
        cells: one row a cell.
        failed: cells that ended in an error, with the error.
        notes: cells whose score needs a word, with that word.
        others: records in the folder that are not of the present grid.
        cards: by task, those that are known here.
    """

    name: str
    caveats: list[str]
    sections: list[tuple[str, str, pd.DataFrame]]
    features: tuple[str, ...]
    statistics: pd.DataFrame
    cells: pd.DataFrame
    failed: list[tuple[str, str]]
    notes: list[tuple[str, str]]
    others: int = 0
    cards: dict[str, TaskCard] = field(default_factory=dict)


def make_report(folder: Path, include: Sequence[Path] = ()) -> Report:
    """Collect the tables of the records under ``folder``.

    Raises:
        DataError: if there are none.
    """
    from elmobench.data.cards.catalog import find_cards

    store = RecordStore(folder)
    records = store.planned()
    if not records:
        raise DataError(
            "no run records here",
            where=str(folder),
            fix="run the experiment first: elmobench run EXPERIMENT",
        )
    frame = frame_of(records)
    margin = float(store.experiment().get("margin", DEFAULT_MARGIN))
    others = len(list(store.folder.glob("records/*.json"))) - len({r.cell for r in records})
    cards = dict(find_cards(include))
    sections = [
        (
            "Scores",
            "Test scores in percent, mean ± sample standard deviation over seeds.",
            _with_ceilings(score_table(frame), cards),
        ),
        (
            "Layer weights",
            "What each task chose to read: softmax weights s by layer (they sum to 1) and the "
            "scale γ, of the best dev epoch, mean ± sd over seeds.",
            layer_weight_table(records),
        ),
        (
            REFERENCES,
            "Context-free ceilings of control tasks, and published numbers. Reproduced: shown to "
            f"differ by less than {margin:g} (the experiment's margin); missed: shown to differ.",
            reference_table(records, cards, margin),
        ),
        (
            "Costs",
            "Parameters, stored bytes a token (a word type, for vectors without context), wall "
            "time on the machine of each record, processor time of the whole cell with its search, "
            "largest resident memory (mapped pages of the feature store included).",
            cost_table(records, folder),
        ),
    ]
    return Report(
        name=records[0].experiment,
        caveats=list(dict.fromkeys(c for record in records for c in record.caveats)),
        notes=[(_label(r), note) for r in records if r.result for note in r.result.notes],
        others=others,
        sections=[section for section in sections if not section[2].empty],
        features=tuple(dict.fromkeys(record.features for record in records)),
        statistics=score_statistics(frame),
        cells=frame,
        failed=[(_label(r), r.error or "") for r in records if r.status == "failed"],
        cards={task: card for task, card in cards.items() if task in set(frame["task"])},
    )


def write_report(
    report: Report,
    folder: Path,
    source: Path | None = None,
    include: Sequence[Path] = (),
    on_pair: Callable[[int, int], object] | None = None,
) -> list[Path]:
    """Write the page, Markdown, LaTeX and the CSV files; returns their paths, the page first.

    Args:
        report: the tables.
        folder: where to.
        source: results folder that they come from, if it is another one.
        include: folders of further task cards.
        on_pair: see :func:`~elmobench.analysis.report.page.render.to_html`.
    """
    from elmobench.analysis.report.page.render import to_html

    contents = {
        "report.html": to_html(report, source or folder, include, on_pair),
        "report.md": to_markdown(report),
        "report.tex": to_latex(report),
        "scores.csv": report.statistics.to_csv(index=False),
        "cells.csv": report.cells.to_csv(index=False),
    }
    for name, text in contents.items():
        write_text(folder / name, text)
    return [folder / name for name in contents]


def to_latex(report: Report) -> str:
    """The tables for a paper: to be read in with ``\\input``, in a document with booktabs."""
    lines = [f"% {report.name}; needs \\usepackage{{booktabs}}"]
    lines += [f"% {' '.join(caveat.split())}" for caveat in report.caveats]
    for title, explanation, table in report.sections:
        texts = table.map(_latex).rename(columns=lambda name: _latex(name))
        lines += ["", f"% {title}. {explanation}"]
        lines.append(texts.to_latex(index=False, escape=False).strip())
    return "\n".join(lines) + "\n"


_LATEX = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "γ": r"$\gamma$",
    "λ": r"$\lambda$",
    "–": "--",
    "³": r"\textsuperscript{3}",
    "…": r"\dots{}",
}


def _latex(value: Any) -> str:
    return "".join(_LATEX.get(sign, sign) for sign in str(value))


def to_markdown(report: Report) -> str:
    """The report as Markdown."""
    lines = [f"# {report.name}", ""]
    for caveat in report.caveats:
        lines += [f"> {caveat}", ""]
    for title, explanation, table in report.sections:
        lines += [f"## {title}", "", explanation, "", *markdown_table(table), ""]
    if report.notes:
        lines += ["## To be read with care", ""]
        lines += [f"- {label}: {note}" for label, note in report.notes] + [""]
    if report.failed:
        lines += ["## Failed cells", ""]
        lines += [f"- {label}: {error}" for label, error in report.failed] + [""]
    if report.others:
        lines += [f"{report.others} records of earlier versions are in the folder, not here.", ""]
    return "\n".join(lines)


def _with_ceilings(table: pd.DataFrame, cards: dict[str, Any]) -> pd.DataFrame:
    """Add the context-free ceiling, where cards have one."""
    ceilings = [card.ceiling if (card := cards.get(task)) else None for task in table["task"]]
    if not any(ceilings):
        return table
    return table.assign(
        **{"context-free ceiling": [f"{c.context_free:.2f}" if c else "–" for c in ceilings]}
    )


def markdown_table(frame: pd.DataFrame) -> list[str]:
    """The lines of a table in Markdown."""

    def cell(value: Any) -> str:
        return str(value).replace("|", "\\|").replace("\n", " ")

    header = [cell(column) for column in frame.columns]
    rows = [[cell(v) for v in row] for row in frame.itertuples(index=False)]
    return [
        "| " + " | ".join(header) + " |",
        "|" + " --- |" * len(header),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]


def _label(record: RunRecord) -> str:
    return f"{record.task} {record.features} {record.head} seed {record.seed}"
