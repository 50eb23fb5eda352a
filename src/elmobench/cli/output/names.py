"""Documents of ``list``, ``show``, ``validate``, ``new`` and ``schema``."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from elmobench.cli.output.base import Fields, Output


class ListedName(Fields):
    """One name that experiments and commands accept."""

    name: str
    """The name."""
    summary: str
    """One line about it."""
    kind: str
    """What it is: ``tasks``, ``features``, ``heads``, ``experiments``, ``metrics``, ``readers`` or
    ``pipelines``.
    """


class ListOutput(Output):
    """Names that experiments and commands accept."""

    NAME: ClassVar[str] = "elmobench/list"
    COMMANDS: ClassVar[tuple[str, ...]] = ("list",)
    ROWS: ClassVar[tuple[str, ...]] = ("name", "summary", "kind")
    ROWS_OF: ClassVar[str] = "names"

    names: list[ListedName]
    """The names, kind by kind."""


class FidelityRow(Fields):
    """One property of a head, published and ours."""

    what: str
    """The property."""
    published: str
    """The published value."""
    ours: str
    """Our value."""
    same: bool
    """Whether both are the same."""
    reason: str | None
    """Why they differ; null if they are the same."""
    with_elmo: bool
    """False for a value of the baseline without ELMo."""


class ShowOutput(Output):
    """Everything known about one name."""

    NAME: ClassVar[str] = "elmobench/show"
    COMMANDS: ClassVar[tuple[str, ...]] = ("show",)

    kind: str
    """``task``, ``features``, ``experiment``, ``reader`` or ``head``."""
    name: str
    """The full name."""
    content: dict[str, Any]
    """The card, catalog entry or experiment without fields that have their default; of a reader or
    head its options, each with value and description.
    """
    data: list[str]
    """Of a task: what was left out of its data and how they are split, one sentence each."""
    fidelity: list[FidelityRow] | None
    """With ``--fidelity``: every layer and hyper-parameter next to the published one."""


class NeededFiles(Fields):
    """Files of a task or model that have to be fetched first."""

    kind: Literal["task", "model"]
    """``task`` or ``model``."""
    name: str
    """Of the task or model."""
    files: int
    """How many files."""
    bytes: int | None
    """Their size; null if it is unknown."""
    pinned: bool
    """Whether all digests are known; otherwise a download needs ``--trust-first``."""
    command: str | None
    """The command that fetches them, if there is one."""


class SplitSize(Fields):
    """The size of a split."""

    examples: int | None
    """Number of examples."""
    tokens: int | None
    """Number of tokens."""


class DataRemark(Fields):
    """What a check of data found."""

    level: Literal["error", "warning"]
    """``error`` if the data cannot be meant so."""
    what: str
    """What is the case."""
    fix: str
    """What to do."""


class CheckedTask(Fields):
    """A task whose data were checked."""

    task: str
    """The task."""
    splits: dict[str, SplitSize]
    """Split -> its size."""
    notes: list[str]
    """What its reader dropped or changed, and how splits are made."""
    remarks: list[DataRemark]
    """What is suspicious about its data."""


class EncodingRow(Fields):
    """What has to be encoded of one task with one model."""

    features: str
    """The model."""
    task: str
    """The task."""
    sentences: int
    """Number of sentences that are not stored yet."""
    tokens: int
    """Number of their tokens."""
    bytes: int
    """By which the feature store grows."""
    seconds: float | None
    """Estimated time."""


class FinetuningRow(Fields):
    """The training of a model that is not frozen, with the heads of one task."""

    features: str
    """The model."""
    task: str
    """The task."""
    runs: int
    """Number of models that are trained: cells, times the candidates of their searches."""
    tokens: int
    """Number of tokens that the model reads per epoch."""
    seconds: float
    """Estimated time of all runs, with all epochs that they may take."""


class WorkerMemoryRow(Fields):
    """Memory that each worker of a run needs at least, in bytes, without what heads need."""

    process: int
    """Of Python and its libraries."""
    task: str | None
    """The largest task; null if no card has counts."""
    data: int
    """Of that task."""
    models: int
    """Of the weights of contextual models."""
    total: int
    """Their sum."""
    available: int
    """What this machine has available now."""


class ValidateOutput(Output):
    """The outcome of checking an experiment."""

    NAME: ClassVar[str] = "elmobench/validate"
    COMMANDS: ClassVar[tuple[str, ...]] = ("validate",)

    experiment: str
    """Name of the experiment."""
    cells: int
    """Number of cells that were checked and are valid."""
    unchecked: int
    """Number of cells that need files that are not on this machine."""
    missing: list[NeededFiles]
    """Those files."""
    tasks: list[CheckedTask]
    """The tasks of the checked cells."""
    encoding: list[EncodingRow]
    """What a run has to encode."""
    finetuning: list[FinetuningRow] = Field(default_factory=list)
    """What models that are not frozen cost."""
    memory: list[WorkerMemoryRow] = Field(default_factory=list)
    """What a worker needs: one entry, or none if files are missing."""
    overlap: dict[str, str]
    """Model -> what is known about the overlap of its training text with dev and test."""


class CardDecision(Fields):
    """One decision about the files of a new card."""

    what: str
    """What was decided."""
    value: str
    """The decision."""
    why: str
    """The reason."""


class NewTaskOutput(Output):
    """The card that was written."""

    NAME: ClassVar[str] = "elmobench/new-task"
    COMMANDS: ClassVar[tuple[str, ...]] = ("new task",)

    path: str
    """The card."""
    next: list[str]
    """Commands to run after the empty fields are filled in."""
    decisions: list[CardDecision] = Field(default_factory=list)
    """What was decided about the files of --from, and why."""
    first: str | None = None
    """The first example of train as it is read; null if it cannot be read."""
    notes: list[str] = Field(default_factory=list)
    """What is worth knowing of the data."""
    missing: list[str] = Field(default_factory=list)
    """Fields that are to be filled in."""
    problem: str | None = None
    """Why the data cannot be read; null if they can, or were not read."""
