"""The report of an experiment: printed, and written as Markdown and CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from elmobench.analysis.results import frame_of
from elmobench.analysis.table import (
    cost_table,
    layer_weight_table,
    reference_table,
    score_statistics,
    score_table,
)
from elmobench.errors import DataError
from elmobench.files import write_text
from elmobench.tracking.record import RecordStore, RunRecord


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


def make_report(folder: Path, include: Sequence[Path] = ()) -> Report:
    """Collect the tables of the records under ``folder``.

    Raises:
        DataError: if there are none.
    """
    from elmobench.data.cards import find_cards

    store = RecordStore(folder)
    records = store.planned()
    if not records:
        raise DataError(
            "no run records here",
            where=str(folder),
            fix="run the experiment first: elmobench run EXPERIMENT",
        )
    frame = frame_of(records)
    others = len(list(store.folder.glob("records/*.json"))) - len({r.cell for r in records})
    cards: dict[str, Any] = dict(find_cards(include))
    sections = [
        (
            "Scores",
            "Test scores in percent, mean ± sample standard deviation over seeds.",
            _with_references(score_table(frame), cards),
        ),
        (
            "Layer weights",
            "What each task chose to read: softmax weights s by layer (they sum to 1) and the "
            "scale γ, of the best dev epoch, mean ± sd over seeds.",
            layer_weight_table(records),
        ),
        (
            "Beside them",
            "Context-free ceilings of control tasks, and published numbers.",
            reference_table(records, cards),
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
    )


def write_report(report: Report, folder: Path) -> list[Path]:
    """Write ``report.md``, ``scores.csv`` and ``cells.csv``; returns their paths."""
    paths = [folder / "report.md", folder / "scores.csv", folder / "cells.csv"]
    write_text(paths[0], to_markdown(report))
    write_text(paths[1], report.statistics.to_csv(index=False))
    write_text(paths[2], report.cells.to_csv(index=False))
    return paths


def to_markdown(report: Report) -> str:
    """The report as Markdown."""
    lines = [f"# {report.name}", ""]
    for caveat in report.caveats:
        lines += [f"> {caveat}", ""]
    for title, explanation, table in report.sections:
        lines += [f"## {title}", "", explanation, "", *_markdown_table(table), ""]
    if report.notes:
        lines += ["## To be read with care", ""]
        lines += [f"- {label}: {note}" for label, note in report.notes] + [""]
    if report.failed:
        lines += ["## Failed cells", ""]
        lines += [f"- {label}: {error}" for label, error in report.failed] + [""]
    if report.others:
        lines += [f"{report.others} records of earlier versions are in the folder, not here.", ""]
    return "\n".join(lines)


def _with_references(table: pd.DataFrame, cards: dict[str, Any]) -> pd.DataFrame:
    """Add the ceiling and the card's first published number, where cards have them."""
    ceilings, published = [], []
    for task in table["task"]:
        card = cards.get(task)
        ceiling = card.ceiling if card else None
        ceilings.append(f"{ceiling.context_free:.2f}" if ceiling else "–")
        numbers = card.published if card else ()
        published.append("; ".join(f"{n.score} {n.model}" for n in numbers[:2]) or "–")
    result = table.copy()
    if any(value != "–" for value in ceilings):
        result["context-free ceiling"] = ceilings
    if any(value != "–" for value in published):
        result["published"] = published
    return result


def _markdown_table(frame: pd.DataFrame) -> list[str]:
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
