"""The building blocks of a report page: sections, tables, panels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class TableCell:
    """A cell of a table.

    Attributes:
        text: the visible text.
        kind: CSS class: ``n`` for numbers, ``best``, ``heat``, ``code``, ``prose``, ``good``,
            ``bad``, ``even``.
        shade: intensity of ``heat``, 0 to 1.
        title: tooltip; it must not contain facts that appear nowhere else.
    """

    text: str
    kind: str = ""
    shade: float | None = None
    title: str = ""


@dataclass(frozen=True)
class Column:
    """A column's name, and whether it holds numbers."""

    name: str
    number: bool = False


@dataclass(frozen=True)
class Table:
    """A table; the title is empty if the section has only this table."""

    columns: list[Column]
    rows: list[list[TableCell]]
    title: str = ""

    @property
    def group_columns(self) -> int:
        """Number of leading columns (task, head) that become headings of groups of rows.

        They do so if groups have at least two rows on average: as columns they would push the
        numbers off a narrow screen.
        """
        count = 0
        while count < len(self.columns) and self.columns[count].name in ("task", "head"):
            count += 1
        groups = {self.group_title(row, count) for row in self.rows}
        return count if 2 * len(groups) <= len(self.rows) else 0

    @staticmethod
    def group_title(row: list[TableCell], group_columns: int) -> str:
        """The heading of the group to which a row belongs."""
        return " · ".join(cell.text for cell in row[:group_columns])

    @staticmethod
    def of(frame: pd.DataFrame, numbers: Sequence[str] = (), title: str = "") -> Table:
        """Make a table from a frame of text; the columns in ``numbers`` are right-aligned."""
        kinds = {str(name): "n" if name in numbers else "" for name in frame.columns}
        for name in frame.columns:
            if any(len(str(value)) > 60 for value in frame[name]):
                kinds[str(name)] = "prose"
        return Table(
            [Column(name, kind == "n") for name, kind in kinds.items()],
            [
                [
                    TableCell(str(value), kind)
                    for value, kind in zip(row, kinds.values(), strict=True)
                ]
                for row in frame.itertuples(index=False)
            ],
            title,
        )


@dataclass(frozen=True)
class Panel:
    """A figure with its caption; ``svg`` is markup."""

    title: str
    svg: Any


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        id: anchor of the section.
        title: heading.
        explanation: what is shown, and how to read it.
        tables, panels: content.
        notes: warnings, shown before the content.
        legend: marks and names of the panels' series; None if the series are the representations,
            whose legend the page has once.
        examples: whether the section holds the browser of examples.
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
