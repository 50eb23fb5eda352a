"""What a page is made of: sections of tables and panels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: shown.
        kind: class of its style: ``n`` for numbers, ``best``, ``heat``, ``code``, ``prose``,
            ``good``, ``bad``, ``even``.
        shade: of ``heat``, 0 to 1.
        title: shown while the pointer rests on it; never the only place of a fact.
    """

    text: str
    kind: str = ""
    shade: float | None = None
    title: str = ""


@dataclass(frozen=True)
class Column:
    """A column's name, and whether numbers stand in it."""

    name: str
    number: bool = False


@dataclass(frozen=True)
class Table:
    """A table; no title where the section has one table."""

    columns: list[Column]
    rows: list[list[Cell]]
    title: str = ""

    @property
    def lead(self) -> int:
        """How many first columns (task, head) become headings of groups of rows, where several
        rows share them: on a narrow screen they would push the numbers out of sight."""
        count = 0
        while count < len(self.columns) and self.columns[count].name in ("task", "head"):
            count += 1
        groups = {self.group(row, count) for row in self.rows}
        return count if 2 * len(groups) <= len(self.rows) else 0

    @staticmethod
    def group(row: list[Cell], lead: int) -> str:
        """The heading of a row's group."""
        return " · ".join(cell.text for cell in row[:lead])

    @staticmethod
    def of(frame: pd.DataFrame, numbers: Sequence[str] = (), title: str = "") -> Table:
        """A frame of text; ``numbers`` names the columns that are set to the right."""
        kinds = {str(name): "n" if name in numbers else "" for name in frame.columns}
        for name in frame.columns:
            if any(len(str(value)) > 60 for value in frame[name]):
                kinds[str(name)] = "prose"
        return Table(
            [Column(name, kind == "n") for name, kind in kinds.items()],
            [
                [Cell(str(value), kind) for value, kind in zip(row, kinds.values(), strict=True)]
                for row in frame.itertuples(index=False)
            ],
            title,
        )


@dataclass(frozen=True)
class Panel:
    """A drawing with its caption; ``svg`` is markup."""

    title: str
    svg: Any


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading of its own.

    Attributes:
        id: of its anchor.
        title: heading.
        explanation: what is shown, and how to read it.
        tables, panels: content.
        notes: what a reader has to know beside it.
        legend: names of the series that the panels show, with their marks, where those are not the
            page's features.
        examples: whether the browser of examples stands here.
    """

    id: str
    title: str
    explanation: str
    tables: list[Table] = field(default_factory=list)
    panels: list[Panel] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    legend: list[tuple[Any, str]] = field(default_factory=list)
    examples: bool = False

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.tables or self.panels or self.notes or self.examples)
