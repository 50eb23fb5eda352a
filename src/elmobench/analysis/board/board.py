"""Make a board: all comparable cells of several studies in tables of representations by tasks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from elmobench.analysis.board.entries import Entry, make_entry
from elmobench.analysis.board.names import Named, Row, natural, rows_of, system_digest
from elmobench.analysis.board.studies import REPORTS, Study, read_studies
from elmobench.analysis.board.verdicts import best_entry
from elmobench.analysis.stats.comparable import (
    HEADS_WITHOUT_FEATURES,
    comparison_key,
    differing_fields,
)
from elmobench.analysis.tables.published import is_control
from elmobench.core.digests import canonical_json
from elmobench.core.errors import DataError
from elmobench.data.cards.catalog import CardCatalog
from elmobench.tracking.record import RunRecord


@dataclass(frozen=True)
class BoardColumn:
    """A column: comparable cells only.

    Attributes:
        key: what its cells have in common, see
            :func:`~elmobench.analysis.stats.comparable.comparison_key`.
        task, pipeline, head, score: names that the column shows.
        conditions: the share of the training set and the test fold, where they are not all of it.
        letter: distinguishes columns of the same task and head; empty if there is one.
        differs: the fields in which it differs from other columns of its task and head.
        control: whether the task is generated, so that nothing in the column is a finding.
        ceiling: the best score that a context-free model can have on a generated task; None if
            the task's card is unknown here.
        entries: by row.
    """

    key: dict[str, Any] = field(repr=False)
    task: str
    pipeline: str
    head: str
    score: str
    conditions: tuple[str, ...]
    letter: str
    differs: dict[str, Any]
    control: bool
    ceiling: float | None
    entries: dict[Row, Entry] = field(repr=False)


@dataclass(frozen=True)
class Board:
    """The tables of several studies.

    Attributes:
        studies: the studies; their numbers count from 1.
        columns: all columns, by kind of task, task and head; those of generated tasks last.
        notes: what a reader should know about single cells.
    """

    studies: list[Study]
    columns: list[BoardColumn]
    notes: list[str]

    @property
    def rows(self) -> list[Row]:
        """All rows in their order."""
        return sorted({r for c in self.columns for r in c.entries}, key=lambda row: row.sort_key)


@dataclass
class _System:
    """The runs of one system in one column, by seed, and the studies that have them."""

    runs: dict[int, RunRecord] = field(default_factory=dict)
    studies: dict[int, None] = field(default_factory=dict)
    named: list[Named] = field(default_factory=list)


def make_board(
    folders: Sequence[Path],
    reports: Sequence[str] = REPORTS,
    on_column: Callable[[int, int], object] | None = None,
) -> Board:
    """Make the board of results folders.

    A run that two studies share counts once. Which cells share a column is decided by
    :func:`~elmobench.analysis.stats.comparable.comparison_key`.

    Args:
        folders: results folders, packed or not.
        reports: names of files in a results folder that count as its report.
        on_column: called with the number of finished columns and their total.

    Raises:
        ConfigError: a folder is named twice.
        DataError: a folder has no records or is damaged, or there is nothing to show.
    """
    studies = read_studies(folders, reports)
    keys: dict[str, dict[str, Any]] = {}
    notes: list[str] = []
    columns: dict[str, dict[str, _System]] = defaultdict(lambda: defaultdict(_System))
    for number, study in enumerate(studies, start=1):
        for record in study.records:
            key = comparison_key(record)
            column = canonical_json(key)
            keys.setdefault(column, key)
            system = columns[column][system_digest(record)]
            note = _add(system, record, number, Named(column, record, study.models), studies)
            notes += [note] if note else []
    if not columns:
        raise DataError(
            "no finished run on all examples here: " + "; ".join(map(_missing, studies)),
            where=", ".join(str(study.folder) for study in studies),
            fix="run an experiment without --limit",
        )
    rows = rows_of(n for systems in columns.values() for s in systems.values() for n in s.named)
    made = []
    for column, systems in columns.items():
        entries = {
            rows[column, digest]: make_entry(system.runs, list(system.studies), studies)
            for digest, system in systems.items()
        }
        made.append(_column(keys[column], next(iter(systems.values())), entries))
    made.sort(key=_column_order)
    decided = []
    for count, one in enumerate(_lettered(made), start=1):
        decided.append(_with_best(one, studies))
        if on_column is not None:
            on_column(count, len(made))
    return Board(studies, decided, list(dict.fromkeys(notes)))


def _add(
    system: _System, record: RunRecord, number: int, named: Named, studies: Sequence[Study]
) -> str | None:
    """Add a run of the study ``number``; returns a note if another study has another result."""
    system.named.append(named)
    known = system.runs.setdefault(record.seed, record)
    if not _same_result(known, record):
        others = ", ".join(studies[n - 1].name for n in system.studies)
        return (
            f"{record.task}, {record.features}, {record.head}, seed {record.seed}: "
            f"{studies[number - 1].name} has another result of the same cell than {others}, which "
            "is shown"
        )
    system.studies[number] = None
    return None


def _same_result(first: RunRecord, second: RunRecord) -> bool:
    if first.result is None or second.result is None:
        return False
    return first.result.test == second.result.test


def _missing(study: Study) -> str:
    counts = {"quick tries": study.partial, "failed": study.failed, "damaged": len(study.damaged)}
    found = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
    return f"{study.name}: {found or 'no cells'}"


def _column(key: dict[str, Any], system: _System, entries: dict[Row, Entry]) -> BoardColumn:
    first = next(iter(system.runs.values()))
    assert first.result is not None
    share, fold = key.get("train_fraction", 1.0), key.get("fold")
    conditions = [f"train_fraction={share}"] if share != 1.0 else []
    conditions += [f"fold={fold}"] if fold is not None else []
    return BoardColumn(
        key=key,
        task=first.task,
        pipeline=first.pipeline,
        head=first.head,
        score=first.result.primary,
        conditions=tuple(conditions),
        letter="",
        differs={},
        control=is_control(first.task),
        ceiling=_ceiling(first.task) if is_control(first.task) else None,
        entries=dict(sorted(entries.items(), key=lambda item: item[0].sort_key)),
    )


def _ceiling(task: str) -> float | None:
    card = CardCatalog().by_id.get(task)
    return card.ceiling.context_free if card is not None and card.ceiling else None


def _column_order(column: BoardColumn) -> tuple[Any, ...]:
    rest = {n: v for n, v in column.key.items() if n not in ("task", "head", "train_fraction")}
    return (
        column.control,
        column.pipeline,
        natural(column.task),
        column.head,
        float(column.key.get("train_fraction", 1.0)),
        canonical_json(rest),
    )


def _lettered(columns: Sequence[BoardColumn]) -> list[BoardColumn]:
    """The columns with letters and differing fields, where a task and a head have several."""
    groups: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for place, column in enumerate(columns):
        groups[column.pipeline, column.task, column.head].append(place)
    made = list(columns)
    for places in groups.values():
        if len(places) > 1:
            differing = differing_fields([columns[place].key for place in places])
            for count, (place, fields) in enumerate(zip(places, differing, strict=True)):
                made[place] = replace(columns[place], letter=_letter(count), differs=fields)
    return made


def _letter(count: int) -> str:
    """A, B, …, Z, AA, AB, …"""
    text = ""
    while count >= 0:
        text = chr(ord("A") + count % 26) + text
        count = count // 26 - 1
    return text


def _with_best(column: BoardColumn, studies: Sequence[Study]) -> BoardColumn:
    """The column with its best entry marked, if a verdict of the project shows one."""
    if column.control or column.head in HEADS_WITHOUT_FEATURES:
        return column
    best = best_entry(column.entries, studies)
    if best is None:
        return column
    entries = {r: replace(e, best=r == best) for r, e in column.entries.items()}
    return replace(column, entries=entries)
