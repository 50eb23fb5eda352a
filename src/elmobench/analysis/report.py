"""The report of an experiment: printed, and written as Markdown and CSV."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
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
        statistics: scores as numbers, for the CSV.
        failed: cells that ended in an error, with the error.
    """

    name: str
    caveats: list[str]
    sections: list[tuple[str, str, pd.DataFrame]]
    statistics: pd.DataFrame
    cells: pd.DataFrame
    failed: list[tuple[str, str]]


def make_report(folder: Path, include: Sequence[Path] = ()) -> Report:
    """Collect the tables of the records under ``folder``.

    Raises:
        DataError: if there are none.
    """
    from elmobench.data.cards import find_cards

    records = list(RecordStore(folder))
    if not records:
        raise DataError(
            "no run records here",
            where=str(folder),
            fix="run the experiment first: elmobench run EXPERIMENT",
        )
    records.sort(key=_reading_order(folder))
    frame = frame_of(records)
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
        ("Costs", "Wall time on the machine of each record.", cost_table(records, folder)),
    ]
    return Report(
        name=records[0].experiment,
        caveats=list(dict.fromkeys(c for record in records for c in record.caveats)),
        sections=[section for section in sections if not section[2].empty],
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
    if report.failed:
        lines += ["## Failed cells", ""]
        lines += [f"- {label}: {error}" for label, error in report.failed] + [""]
    return "\n".join(lines)


def print_report(report: Report) -> None:
    """Show the report in the terminal."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    console.print(f"\n[bold]{escape(report.name)}[/]")
    for caveat in report.caveats:
        console.print(f"[yellow]{escape(caveat)}[/]", highlight=False)
    for title, explanation, frame in report.sections:
        table = Table(title=title, caption=explanation, title_justify="left")
        for i, column in enumerate(frame.columns):
            table.add_column(escape(str(column)), no_wrap=i < 1)
        for row in frame.itertuples(index=False):
            table.add_row(*(escape(str(value)) for value in row))
        console.print(table)
    for label, error in report.failed:
        console.print(f"[red]failed[/] {escape(label)}: {escape(error)}", highlight=False)


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


def _reading_order(folder: Path) -> Callable[[RunRecord], tuple[Any, ...]]:
    """The experiment file's order of tasks, heads and features; by name without one."""
    path = folder / "experiment.json"
    axes: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    tasks, heads, features = (list(axes.get(key, [])) for key in ("tasks", "heads", "features"))

    def place(names: list[str], name: str) -> tuple[int, str]:
        # An experiment may name a task without its pipeline.
        short = name.split("/")[-1]
        found = next((i for i, known in enumerate(names) if known in (name, short)), len(names))
        return found, name

    return lambda r: (
        place(tasks, r.task),
        place(heads, r.head),
        place(features, r.features),
        str(r.axes),
        r.seed,
    )


def _label(record: RunRecord) -> str:
    return f"{record.task} {record.features} {record.head} seed {record.seed}"
