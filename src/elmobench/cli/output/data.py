"""Documents of ``data fetch``, ``data verify``, ``data list`` and ``data sentences``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from elmobench.cli.output.base import Fields, Output
from elmobench.cli.output.names import DataRemark


class FetchedTask(Fields):
    """The files of one task."""

    task: str
    """The task."""
    files: int
    """Number of its files; 0 if it is generated."""
    bytes: int
    """Their size."""


class DataFetchOutput(Output):
    """Tasks whose files were downloaded and checked."""

    NAME: ClassVar[str] = "elmobench/data-fetch"
    COMMANDS: ClassVar[tuple[str, ...]] = ("data fetch",)

    tasks: list[FetchedTask]
    """The tasks."""


class VerifiedTask(Fields):
    """One task whose files were checked and counted."""

    task: str
    """The task."""
    files: int
    """Number of its files."""
    examples: dict[str, int]
    """Split -> number of examples."""
    notes: list[str]
    """For named tasks: what readers dropped or changed, and how splits are made."""
    remarks: list[DataRemark]
    """For named tasks: what is suspicious about the data."""


class DataVerifyOutput(Output):
    """Tasks whose cached files were checked and whose examples were counted."""

    NAME: ClassVar[str] = "elmobench/data-verify"
    COMMANDS: ClassVar[tuple[str, ...]] = ("data verify",)
    ROWS: ClassVar[tuple[str, ...]] = ("task", "files", "train", "dev", "test")

    tasks: list[VerifiedTask]
    """The tasks."""

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """One row per task."""
        for row in self.tasks:
            yield (row.task, row.files, *(row.examples[s] for s in ("train", "dev", "test")))


class ListedTask(Fields):
    """One task."""

    task: str
    """The task."""
    train: int | None
    """Examples of train that its card states; null if it states none."""
    dev: int | None
    """Examples of dev."""
    test: int | None
    """Examples of test."""
    files: Literal["generated", "here", "absent"]
    """``generated``: it needs no files."""
    licence: str
    """Licence of the data."""
    share: Literal["yes", "no", "unclear"]
    """Whether the data may be redistributed."""


class DataListOutput(Output):
    """Tasks with their sizes and licences."""

    NAME: ClassVar[str] = "elmobench/data-list"
    COMMANDS: ClassVar[tuple[str, ...]] = ("data list",)
    ROWS: ClassVar[tuple[str, ...]] = (
        *("task", "train", "dev", "test", "files", "licence", "share"),
    )
    ROWS_OF: ClassVar[str] = "tasks"

    tasks: list[ListedTask]
    """The tasks."""


class SentencesOutput(Output):
    """The distinct sentences that tasks or an experiment need."""

    NAME: ClassVar[str] = "elmobench/data-sentences"
    COMMANDS: ClassVar[tuple[str, ...]] = ("data sentences",)

    count: int
    """Number of sentences."""
    tokens: int
    """Number of their tokens."""
    file: str | None
    """The file that has them; null if they are in this document."""
    sentences: list[list[str]] | None
    """The tokens of each sentence; null with ``--out``."""
