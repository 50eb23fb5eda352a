"""Documents of ``run`` and ``report``, and of the commands that read results folders."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from elmobench.cli.output.base import Fields, Output
from elmobench.cli.output.names import NeededFiles
from elmobench.cli.output.probes import Probe


class RunCell(Fields):
    """One cell of the grid."""

    cell: str
    """Name of the cell."""
    task: str
    """The task."""
    features: str
    """The features spec."""
    head: str
    """The head preset."""
    seed: int
    """The seed."""
    axes: dict[str, Any]
    """Values of the further axes."""
    status: Literal["ok", "failed"]
    """``failed`` if it ended in an error."""
    metric: str | None
    """Name of the score; null if the cell failed."""
    score: float | None
    """Test score in percent; null if the cell failed."""
    limit: str | None
    """Number or share of the examples that were used, in a quick try; null for all."""
    error: str | None
    """Why it failed."""


class RunOutput(Output):
    """What a run did."""

    NAME: ClassVar[str] = "elmobench/run"
    COMMANDS: ClassVar[tuple[str, ...]] = ("run",)

    experiment: str
    """Name of the experiment."""
    results: str
    """The results folder."""
    trained: int
    """Cells trained now."""
    skipped: int
    """Cells that had a result already."""
    failed: int
    """Cells that ended in an error."""
    damaged: list[str]
    """Errors of damaged records, whose cells were left out."""
    encoded_sentences: int
    """Sentences encoded now."""
    seconds: float
    """Wall time."""
    limit: str | None
    """Number or share of the examples that were used, in a quick try; null for all."""
    files: list[str]
    """Files of the report."""
    cells: list[RunCell]
    """All cells of the grid that have a record."""


class GridCell(Fields):
    """One point of an experiment's grid."""

    cell: str | None
    """Name of the cell; null if files are missing that its name depends on."""
    state: Literal["to run", "done", "same", "damaged", "absent"]
    """``same``: another point of the grid is this cell. ``absent``: needs files that a run would
    download.
    """
    label: str
    """Task, features, head, seed and further axes."""


class GridOutput(Output):
    """The grid of an experiment, and which cells are done."""

    NAME: ClassVar[str] = "elmobench/grid"
    COMMANDS: ClassVar[tuple[str, ...]] = ("run --dry-run",)
    ROWS: ClassVar[tuple[str, ...]] = ("cell", "state", "label")
    ROWS_OF: ClassVar[str] = "cells"

    experiment: str
    """Name of the experiment."""
    results: str
    """The results folder."""
    cells: list[GridCell]
    """The points of the grid."""
    counts: dict[str, int]
    """State -> number of points."""
    damaged: list[str]
    """Errors of damaged records."""
    missing: list[NeededFiles]
    """Files that a run would download."""


class ScoreRow(Fields):
    """Scores of one system, over its seeds."""

    task: str
    """The task."""
    features: str
    """The features spec."""
    head: str
    """The head preset."""
    metric: str
    """Name of the score."""
    mean: float | None
    """Mean test score over seeds, in percent."""
    sd: float | None
    """Sample standard deviation over seeds; null for one seed."""
    seeds: int
    """Number of seeds."""
    low: float | None
    """Lower end of Student's 95 % interval of the mean over seeds; null for fewer than three."""
    high: float | None
    """Upper end of that interval."""
    train_seconds: float | None
    """Mean wall time of training."""
    epoch_seconds: float | None
    """Mean wall time of an epoch."""
    head_parameters: float | None
    """Mean number of trainable parameters of mix and head."""
    axes: dict[str, Any]
    """Values of the further axes."""


class ReportTable(Fields):
    """A table of the report as it is printed."""

    title: str
    """Its title."""
    explanation: str
    """How to read it."""
    columns: list[str]
    """Its columns."""
    rows: list[list[Any]]
    """Its cells, row by row, formatted for people."""


class LabelledText(Fields):
    """A text about one cell, or about all cells of a task."""

    label: str
    """The cell or the task."""
    text: str
    """The text."""


class ReportOutput(Output):
    """The tables of an experiment that was run."""

    NAME: ClassVar[str] = "elmobench/report"
    COMMANDS: ClassVar[tuple[str, ...]] = ("report",)
    ROWS: ClassVar[tuple[str, ...]] = (
        *("task", "features", "head", "metric", "mean", "sd", "seeds", "low", "high", "axes"),
    )
    ROWS_OF: ClassVar[str] = "scores"

    experiment: str
    """Name of the experiment."""
    results: str
    """The results folder."""
    caveats: list[str]
    """Warnings that hold for every score."""
    scores: list[ScoreRow]
    """One row per task, head, further axes and features."""
    tables: list[ReportTable]
    """The tables of the report, formatted for people."""
    probes: list[Probe]
    """The probes with control labels or an online code, as numbers."""
    notes: list[LabelledText]
    """Remarks on scores."""
    failed: list[LabelledText]
    """Cells that ended in an error."""
    damaged: list[str]
    """Errors of damaged records and predictions."""
    others: int
    """Number of records in the folder that do not belong to the present grid."""
    files: list[str]
    """Files that were written."""


class CompareRow(Fields):
    """Two systems on one task with one head. Scores and differences are in percent."""

    task: str
    """The task."""
    head: str
    """The head preset."""
    axes: dict[str, Any]
    """Values of the further axes."""
    metric: str
    """The score that is compared."""
    left: str
    """Name of the first system."""
    right: str
    """Name of the second system."""
    left_scores: list[float]
    """Scores of the first system by seed."""
    right_scores: list[float]
    """Scores of the second system by seed."""
    left_seeds: list[int]
    """Seeds of the first system."""
    right_seeds: list[int]
    """Seeds of the second system."""
    paired: bool
    """Whether run i of one system is compared with run i of the other."""
    scope: Literal["systems", "runs"]
    """``runs`` if a system has a single run, so that nothing is shown about systems."""
    units: int
    """Number of resampling units of the test set."""
    difference: float
    """Mean of the first minus mean of the second."""
    low: float | None
    """Lower end of the 95 % interval of the difference."""
    high: float | None
    """Upper end of that interval."""
    p: float | None
    """p-value of no difference."""
    p_corrected: float | None
    """The same, corrected by Holm over the rows."""
    p_within: float | None
    """p-value that the difference is not within the margin."""
    p_within_corrected: float | None
    """The same, corrected."""
    margin: float
    """Differences below it are negligible."""
    verdict: str
    """``better``, ``better but negligible``, ``tie``, ``undecided``, ``worse but negligible`` or
    ``worse``.
    """
    left_cells: list[str]
    """Cells of the first system."""
    right_cells: list[str]
    """Cells of the second system."""


class CorporaMean(Fields):
    """The mean of one head's differences over corpora."""

    mean_over: Literal["corpora"]
    """Always ``corpora``."""
    head: str
    """The head preset."""
    corpora: dict[str, list[str]]
    """Corpus -> its tasks."""
    scope: Literal["systems", "runs"]
    """``runs`` if one of the comparisons is about single runs."""
    difference: float
    """The mean of the corpora's means."""
    low: float | None
    """Lower end of its 95 % interval."""
    high: float | None
    """Upper end of that interval."""


class ChangedAnswer(Fields):
    """An example that one system answers better than the other."""

    task: str
    """The task."""
    head: str
    """The head preset."""
    id: str
    """Name of the example."""
    better: bool
    """Whether the first system is the better one."""
    text: str
    """The text."""
    gold: str
    """The annotation."""
    left: str
    """The answer of the first system."""
    right: str
    """The answer of the second system."""


class CompareOutput(Output):
    """Which of two systems is better on each task, and how certain that is."""

    NAME: ClassVar[str] = "elmobench/compare"
    COMMANDS: ClassVar[tuple[str, ...]] = ("compare",)
    ROWS: ClassVar[tuple[str, ...]] = (
        *("task", "head", "difference", "low", "high", "p_corrected", "verdict"),
        *("left_seeds", "right_seeds", "axes"),
    )
    ROWS_OF: ClassVar[str] = "comparisons"

    by: str
    """The axis whose values are compared."""
    comparisons: list[CompareRow]
    """One row per task, head and further axes."""
    means: list[CorporaMean]
    """Means over corpora, by head; empty if there is one corpus."""
    probes: list[Probe]
    """What judges the compared probes, if they have control labels or an online code."""
    examples: list[ChangedAnswer] | None
    """With ``--examples``: examples on which the systems differ."""


class ExportedFile(Fields):
    """One file of an export."""

    path: str
    """Its path in the folder."""
    content: str
    """Its content."""


class ExportOutput(Output):
    """Results in a format that other programs read."""

    NAME: ClassVar[str] = "elmobench/export"
    COMMANDS: ClassVar[tuple[str, ...]] = ("export",)

    results: str
    """The results folder."""
    format: str
    """The format."""
    folder: str | None
    """Where the files were written; null if nothing was written."""
    files: list[ExportedFile]
    """The files."""
    notes: list[str]
    """What is partial or left out, and why."""
