"""Rows of TSV and CSV tables with the lines they start at, and their columns by name or number."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import Literal

from elmobench.data.readers.base import SourceText
from elmobench.errors import DataError
from elmobench.registry import did_you_mean

Column = str | int
"""A column by name, where the table has a header, or by number from 0."""

Quoting = Literal["none", "csv"]
"""``none``: quotes are ordinary characters and a row is a line. ``csv``: fields may be quoted, as
spreadsheets write them, and may hold line ends."""


def named_delimiter(value: object) -> object:
    """``tab``, ``comma`` and ``semicolon`` as the character meant; anything else as it is."""
    named = {"tab": "\t", "comma": ",", "semicolon": ";"}
    return named.get(value, value) if isinstance(value, str) else value


def table_rows(
    text: SourceText, delimiter: str, quoting: Quoting
) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of the line they start at.

    Raises:
        DataError: not UTF-8, or quotes that do not close; names the line.
    """
    if quoting == "none":
        for number, line in text.rows():
            yield number, line.split(delimiter)
        return
    numbers: list[int] = []

    def lines() -> Iterator[str]:
        for number, line in text.rows():
            numbers.append(number)
            yield line + "\n"

    reader = csv.reader(lines(), delimiter=delimiter, strict=True)
    try:
        while True:
            consumed = len(numbers)
            row = next(reader, None)
            if row is None:
                return
            yield numbers[consumed], row
    except csv.Error as error:
        place = text.at(numbers[min(consumed, len(numbers) - 1)])
        raise DataError(f"not a table: {error}", where=place) from error


def find_columns(row: list[str], wanted: Sequence[Column], where: str) -> list[int]:
    """The numbers of the ``wanted`` columns; ``row`` is the header where one is given by name.

    Raises:
        DataError: a column is missing, or its name stands twice.
    """
    found: list[int] = []
    for column in wanted:
        if isinstance(column, int):
            if column >= len(row):
                raise DataError(f"no column {column}: the row has {len(row)}", where=where)
            found.append(column)
        elif row.count(column) == 1:
            found.append(row.index(column))
        else:
            problem = "stands twice" if column in row else "is missing"
            raise DataError(
                f"column {column!r} {problem} in the header",
                where=where,
                fix=did_you_mean(column, row),
            )
    return found
