"""The document of ``board``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from elmobench.cli.output.base import Fields, Output, finite

if TYPE_CHECKING:
    from elmobench.analysis.board.board import Board, BoardColumn
    from elmobench.analysis.board.entries import Entry
    from elmobench.analysis.board.names import Row
    from elmobench.analysis.board.studies import Study


class BoardStudyRow(Fields):
    """One study."""

    number: int
    """Its number, counted from 1, which entries refer to."""
    name: str
    """Name of the experiment."""
    folder: str
    """Its results folder."""
    report: str | None
    """File of its report; null if there is none."""
    first: str
    """Day on which its first run began; empty if unknown."""
    last: str
    """Day on which its last run began."""
    runs: int
    """Number of finished runs on all examples."""
    partial: int
    """Number of cells of a quick try, which are left out."""
    failed: int
    """Number of failed cells, which are left out."""
    damaged: list[str]
    """Errors of damaged records, whose cells are left out, and of damaged predictions."""
    caveats: list[str]
    """Warnings that hold for its scores."""


class BoardColumnRow(Fields):
    """One column: comparable cells."""

    number: int
    """Its number, counted from 1, which entries refer to."""
    task: str
    """The task."""
    head: str
    """The head preset."""
    metric: str
    """Name of the score."""
    letter: str
    """Distinguishes columns of the same task and head; empty if there is one."""
    control: bool
    """Whether the task is generated: nothing about it is a finding."""
    ceiling: float | None
    """The best score of a context-free model on a generated task; null for other tasks."""
    differs: dict[str, Any]
    """The fields in which it differs from the other columns of its task and head."""
    comparable: dict[str, Any]
    """What all of its cells have in common."""


class BoardEntryRow(Fields):
    """One representation in one column."""

    column: int
    """Number of the column."""
    task: str
    """The task."""
    head: str
    """The head preset."""
    features: str
    """Name of the row: the features spec, and what else distinguishes it."""
    family: str
    """Family of the representation."""
    metric: str
    """Name of the score."""
    mean: float
    """Mean test score over seeds, in percent."""
    sd: float | None
    """Sample standard deviation over seeds; null for one seed."""
    seeds: int
    """Number of seeds."""
    seed_numbers: list[int]
    """The seeds."""
    scores: list[float]
    """The score of each seed."""
    low: float | None
    """Lower end of Student's 95 % interval of the mean over seeds; null for fewer than three."""
    high: float | None
    """Upper end of that interval."""
    best: bool
    """Whether it is shown to be better than every other entry of its column."""
    train_seconds: float | None
    """Mean wall time of training a cell, with its search."""
    encode_seconds: float | None
    """Wall time of encoding the task once; null if it was not measured."""
    bytes_per_token: float | None
    """Stored bytes per token, or per word type for vectors without context."""
    studies: list[int]
    """Numbers of the studies that have its runs."""
    cells: list[str]
    """The cells, in the order of the seeds."""


class BoardOutput(Output):
    """The results of several studies in tables of representations by tasks."""

    NAME: ClassVar[str] = "elmobench/board"
    COMMANDS: ClassVar[tuple[str, ...]] = ("board",)
    ROWS: ClassVar[tuple[str, ...]] = (
        *("column", "task", "head", "features", "metric", "mean", "sd", "seeds", "low", "high"),
        *("best", "studies"),
    )
    ROWS_OF: ClassVar[str] = "entries"

    file: str
    """The page that was written."""
    studies: list[BoardStudyRow]
    """The studies."""
    columns: list[BoardColumnRow]
    """The columns."""
    entries: list[BoardEntryRow]
    """The entries, column by column."""
    without_results: list[str]
    """Folders that were given and have no records."""
    notes: list[str]
    """Remarks on single cells."""


def board_output(board: Board, file: str, without_results: Sequence[str]) -> BoardOutput:
    """The document of a board that was written to ``file``."""
    return BoardOutput(
        file=file,
        studies=[_study(study, number) for number, study in enumerate(board.studies, start=1)],
        columns=[_column(column, number) for number, column in enumerate(board.columns, start=1)],
        entries=[
            _entry(column, number, row, entry)
            for number, column in enumerate(board.columns, start=1)
            for row, entry in column.entries.items()
        ],
        without_results=list(without_results),
        notes=board.notes,
    )


def _study(study: Study, number: int) -> BoardStudyRow:
    return BoardStudyRow(
        number=number,
        name=study.name,
        folder=str(study.folder),
        report=None if study.report is None else str(study.report),
        first=study.first,
        last=study.last,
        runs=len(study.records),
        partial=study.partial,
        failed=study.failed,
        damaged=study.damaged,
        caveats=list(study.caveats),
    )


def _column(column: BoardColumn, number: int) -> BoardColumnRow:
    return BoardColumnRow(
        number=number,
        task=column.task,
        head=column.head,
        metric=column.score,
        letter=column.letter,
        control=column.control,
        ceiling=column.ceiling,
        differs=finite(column.differs),
        comparable=finite(column.key),
    )


def _entry(column: BoardColumn, number: int, row: Row, entry: Entry) -> BoardEntryRow:
    low, high = entry.interval or (None, None)
    return BoardEntryRow(
        column=number,
        task=column.task,
        head=column.head,
        features=row.name,
        family=row.family,
        metric=column.score,
        mean=entry.mean,
        sd=entry.sd,
        seeds=len(entry.runs),
        seed_numbers=[run.seed for run in entry.runs],
        scores=list(entry.scores),
        low=low,
        high=high,
        best=entry.best,
        train_seconds=entry.train_seconds,
        encode_seconds=entry.encode_seconds,
        bytes_per_token=entry.bytes_per_token,
        studies=list(entry.studies),
        cells=[run.cell for run in entry.runs],
    )
