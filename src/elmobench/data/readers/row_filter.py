"""The option ``where`` of tables and records: only rows with stated values are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator

from elmobench.core.errors import DataError
from elmobench.core.quoting import quoted, shortened
from elmobench.data.readers.base import ReaderOptions, SourceText

_SHOWN = 10
"""Values that an error lists."""


class WhereOptions(ReaderOptions):
    """The option ``where`` of readers of tables and records."""

    where: dict[str | int, tuple[str, ...]] = Field(default_factory=dict)
    """Only rows with these values are read, such as ``{split: train}`` or ``{language: [en, de]}``:
    columns or fields by name, in tables without a header by number. Other rows are counted. Stated
    among the options of a source, it divides one file into splits.
    """

    @field_validator("where", mode="before")
    @classmethod
    def _as_texts(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        return {
            column: tuple(written(one) for one in (stated if _is_list(stated) else [stated]))
            for column, stated in value.items()
        }


class RowFilter:
    """Decides which rows are read, and counts the others.

    Args:
        where: see :attr:`WhereOptions.where`.
        dropped: counts rows that are not read.
    """

    def __init__(self, where: Mapping[str | int, tuple[str, ...]], dropped: Counter[str]) -> None:
        self._where = where
        self._dropped = dropped
        self._kept = False
        self._others: dict[str | int, dict[str, None]] = {column: {} for column in where}

    def keeps(self, values: Mapping[str | int, Any]) -> bool:
        """Whether a row with these values of the stated columns is read."""
        for column, wanted in self._where.items():
            value = written(values[column])
            if value not in wanted:
                self._dropped[f"rows with another {column}"] += 1
                others = self._others[column]
                if len(others) < _SHOWN:
                    others.setdefault(value)
                return False
        self._kept = True
        return True

    def check(self, text: SourceText) -> None:
        """Raise DataError if rows were left out and none was read."""
        if self._kept or not any(self._others.values()):
            return
        for column, others in self._others.items():
            if others:
                found = ", ".join(quoted(shortened(value)) for value in others)
                raise DataError(
                    f"no row has {' or '.join(map(quoted, self._where[column]))} in {column!r}, "
                    f"as 'where' states; it has {found}",
                    where=text.name,
                    fix="correct the reader's option 'where'",
                )


def written(value: Any) -> str:
    """A value as text; truth values as in JSON."""
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)
