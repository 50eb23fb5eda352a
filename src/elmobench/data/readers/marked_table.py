"""Pairs of sentences with a marked word each, in the rows of a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from elmobench.core.errors import DataError
from elmobench.core.quoting import quoted
from elmobench.data.label_kinds import LabelForm
from elmobench.data.readers.base import Reader, ReadResult, SourceText
from elmobench.data.readers.marks import add_marked_texts
from elmobench.data.readers.rows import Column, RowOptions, rows_of_fields
from elmobench.data.readers.tokenizers import SpanTokenizerName

_POSITION = re.compile(r"[0-9]{1,9}")


class MarkedTableOptions(RowOptions):
    """Options of the ``marked-table`` reader."""

    column_options: ClassVar[tuple[str, ...]] = (
        *("first", "first_start", "first_end"),
        *("second", "second_start", "second_end", "label"),
    )
    first: Column
    """Column of the first sentence: its name, if the table has a header, or its number from 0."""
    second: Column
    """Column of the second sentence."""
    first_start: Column
    """Column of the first character, from 0, of the marked word in the first sentence."""
    first_end: Column
    """Column of the end of that word, which is not part of it."""
    second_start: Column
    """Column of the first character of the marked word in the second sentence."""
    second_end: Column
    """Column of the end of that word."""
    label: Column
    """Column of the label."""
    tokenizer: SpanTokenizerName = "clitics"
    """How a sentence is split into tokens."""
    map: dict[str, str] = Field(default_factory=dict)
    """Other names for labels, for example ``{"1": same, "0": different}``."""


class MarkedTableReader(Reader[MarkedTableOptions]):
    """Gives :class:`MarkedPair`. Every row must have as many fields as the first."""

    name: ClassVar[str] = "marked-table"
    version: ClassVar[int] = 1
    options_type = MarkedTableOptions
    droppable = ("empty-label", "field-count")

    def read(self, text: SourceText, options: MarkedTableOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        result = ReadResult([])
        form = LabelForm("class", options.map)
        rows = rows_of_fields(text, options, result.dropped, result.groups)
        # The fields are in the order of ``column_options``.
        for number, name, (*fields, label) in rows:
            where = text.at(number)
            try:
                sides = [_side(fields[:3], "first", where), _side(fields[3:], "second", where)]
                add_marked_texts(result, name, sides, label, form, where, options.tokenizer)
            except DataError as error:
                text.problem(error)
        return result


def _side(fields: Sequence[str], role: str, where: str) -> tuple[str, int, int]:
    """A sentence, and the start and end of its marked word."""
    sentence, start, end = fields
    return sentence, _position(start, f"{role}_start", where), _position(end, f"{role}_end", where)


def _position(field: str, option: str, where: str) -> int:
    """The number of a character. Raises DataError that names the option of its column."""
    if not _POSITION.fullmatch(field):
        raise DataError(
            f"the column of {option!r} holds {quoted(field)}, expected the number of a character",
            where=where,
            fix=f"correct the row, or the reader's option {option!r}",
        )
    return int(field)


READER = MarkedTableReader()
