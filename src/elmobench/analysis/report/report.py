"""The tables that make up the report of an experiment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from elmobench.analysis.stats.differences import DEFAULT_MARGIN
from elmobench.analysis.stats.tallies import TallyCache
from elmobench.analysis.tables.cost_table import cost_table
from elmobench.analysis.tables.layer_weights import layer_weight_table
from elmobench.analysis.tables.mix_table import (
    MIXES,
    MIXES_EXPLAINED,
    mix_table,
    mixed_layers,
)
from elmobench.analysis.tables.probe_table import (
    PROBES,
    PROBES_EXPLAINED,
    ProbeRow,
    probe_rows,
    probe_table,
)
from elmobench.analysis.tables.reference_table import reference_table, references_caption
from elmobench.analysis.tables.results_frame import frame_of
from elmobench.analysis.tables.score_tables import (
    FLAGS_EXPLAINED,
    flag_marks,
    score_statistics,
    score_table,
)
from elmobench.core.errors import DataError
from elmobench.data.cards.card import TaskCard
from elmobench.data.cards.catalog import CardCatalog
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore

REFERENCES = "Ceilings and published scores"
"""Title of the section that :func:`reference_table` fills."""


class ReportSection(NamedTuple):
    """One table of a report, with its title and an explanation of how to read it."""

    title: str
    explanation: str
    table: pd.DataFrame


@dataclass(frozen=True)
class Report:
    """The tables of one experiment.

    Attributes:
        name: name of the experiment.
        caveats: to be shown with every table.
        sections: the tables that are not empty.
        features: the compared features, in the experiment's order.
        statistics: scores as numbers, for the CSV file.
        cells: one row per cell.
        probes: what judges each probe, as numbers.
        failed: cells that ended in an error, each with the error.
        notes: cells whose score needs an explanation, each with it; what is true of all cells of a
            task is listed once.
        others: number of records in the folder that do not belong to the present grid.
        cards: task cards by task, if they are known on this machine.
        damaged: errors of records and predictions that are damaged. Cells without a readable
            record are in no table; those without readable predictions are not compared.
        tallies: the records and predictions that comparisons are made from.
    """

    name: str
    caveats: list[str]
    sections: list[ReportSection]
    features: tuple[str, ...]
    statistics: pd.DataFrame
    cells: pd.DataFrame
    failed: list[tuple[str, str]]
    notes: list[tuple[str, str]]
    tallies: TallyCache = field(repr=False, compare=False)
    probes: list[ProbeRow] = field(default_factory=list)
    others: int = 0
    cards: dict[str, TaskCard] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)


def make_report(folder: Path, catalog: CardCatalog | None = None) -> Report:
    """Build the tables from the records in ``folder``.

    Args:
        folder: results folder.
        catalog: the task cards; None for those found without ``--include``.

    Raises:
        DataError: if there are no records, or none that is not damaged.
    """
    damaged: list[DataError] = []
    store = RecordStore(folder, on_damaged=damaged.append)
    tallies = TallyCache(store)
    records = tallies.all_records
    if not records:
        raise store.no_records(damaged)
    frame = frame_of(records)
    margin = float(store.experiment().get("margin", DEFAULT_MARGIN))
    others = len(store.cell_names()) - len({r.cell for r in records}) - len(damaged)
    unreadable = [error for _, error in tallies.leave_out_damaged()]
    cards = _cards_for(records, catalog or CardCatalog())
    sections = [
        ReportSection(
            "Scores",
            "Test scores in percent, mean ± sample standard deviation over seeds."
            + (f" {FLAGS_EXPLAINED}" if flag_marks(frame["flags"]) else ""),
            _with_ceilings(score_table(frame), cards),
        ),
        ReportSection(PROBES, PROBES_EXPLAINED, probe_table(probes := probe_rows(records))),
        ReportSection(
            "Layer weights",
            "The layer weights that each task learned: softmax weights s by layer (they sum to 1) "
            "and the scale γ, at the best dev epoch, mean ± sd over seeds.",
            layer_weight_table(records),
        ),
        ReportSection(MIXES, MIXES_EXPLAINED, mix_table(mixed_layers(records))),
        ReportSection(
            REFERENCES,
            references_caption(margin),
            reference_table(records, cards, margin),
        ),
        ReportSection(
            "Costs",
            "Parameters, stored bytes per token (per word type, for vectors without context), wall "
            "time on the machine of each record, processor time of the whole cell with its search, "
            "largest resident memory (mapped pages of the feature store included).",
            cost_table(records, folder),
        ),
    ]
    return Report(
        name=records[0].experiment,
        caveats=list(dict.fromkeys(c for record in records for c in record.caveats)),
        notes=_notes(records),
        others=others,
        damaged=list(map(str, (*damaged, *unreadable))),
        tallies=tallies,
        sections=[section for section in sections if not section.table.empty],
        features=tuple(dict.fromkeys(record.features for record in records)),
        statistics=score_statistics(frame),
        cells=frame,
        probes=probes,
        failed=[(_label(r), r.error or "") for r in records if r.status == "failed"],
        cards={task: card for task, card in cards.items() if task in set(frame["task"])},
    )


def _cards_for(records: Sequence[RunRecord], catalog: CardCatalog) -> dict[str, Any]:
    """The task cards, without the ceilings of whole test sets where only a sample was scored."""
    sampled = {record.task for record in records if record.limit is not None}
    return {
        name: card.model_copy(update={"ceiling": None}) if name in sampled else card
        for name, card in catalog.by_id.items()
    }


def _with_ceilings(table: pd.DataFrame, cards: dict[str, Any]) -> pd.DataFrame:
    """Add a column with the context-free ceiling, if any card has one."""
    ceilings = [card.ceiling if (card := cards.get(task)) else None for task in table["task"]]
    if not any(ceilings):
        return table
    return table.assign(
        **{"context-free ceiling": [f"{c.context_free:.2f}" if c else "–" for c in ceilings]}
    )


def _label(record: RunRecord) -> str:
    return f"{record.task} {record.features} {record.head} seed {record.seed}"


def _notes(records: list[RunRecord]) -> list[tuple[str, str]]:
    """The notes of all cells; one that every cell of a task has, as on its labels, is one row."""
    by_task: dict[str, list[RunRecord]] = {}
    for record in records:
        if record.status != "failed":
            by_task.setdefault(record.task, []).append(record)
    shared = {
        (task, note): len(cells)
        for task, cells in by_task.items()
        for note in set.intersection(*(set(cell.remarks) for cell in cells))
        if len(cells) > 1
    }
    rows = []
    for record in records:
        for note in record.remarks:
            number = shared.get((record.task, note))
            rows.append((f"{record.task}, all {number} cells" if number else _label(record), note))
    return list(dict.fromkeys(rows))
