"""Texts in a table with a column of 0 and 1 for each label."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, field_validator

from elmobench.core.errors import DataError
from elmobench.core.quoting import quoted
from elmobench.data.label_kinds import LabelForm
from elmobench.data.readers.base import Reader, ReadResult, SourceText
from elmobench.data.readers.row_examples import add_label_set
from elmobench.data.readers.rows import Column, RowOptions, rows_of_fields
from elmobench.data.readers.tokenizers import TOKENIZERS, TokenizerName


class IndicatorOptions(RowOptions):
    """Options of the ``indicator-table`` reader."""

    column_options: ClassVar[tuple[str, ...]] = ("text",)
    text: Column
    """Column of the text: its name, if the table has a header, or its number from 0."""
    labels: tuple[str, ...] = Field(min_length=1)
    """Columns of the labels by their names, which are the names of the labels. A label applies
    where its column holds 1, and does not where it holds 0.
    """
    tokenizer: TokenizerName = "words"
    """How a text is split into tokens."""

    @field_validator("labels")
    @classmethod
    def _distinct(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(labels)) < len(labels):
            raise ValueError("a label is listed twice")
        return labels

    @property
    def columns(self) -> list[Column]:
        """The columns that are read: text and labels, then id and group, if stated."""
        text, *rest = super().columns
        return [text, *self.labels, *rest]


class IndicatorReader(Reader[IndicatorOptions]):
    """Gives :class:`LabelledText`. The first row holds the names of the columns."""

    name: ClassVar[str] = "indicator-table"
    version: ClassVar[int] = 1
    options_type = IndicatorOptions
    droppable = ("empty-text", "field-count")

    def read(self, text: SourceText, options: IndicatorOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        tokenize = TOKENIZERS[options.tokenizer]
        result = ReadResult([])
        form = LabelForm("set")
        rows = rows_of_fields(text, options, result.dropped, result.groups)
        for number, name, (body, *marks) in rows:
            where = text.at(number)
            try:
                for label, mark in zip(options.labels, marks, strict=True):
                    if mark not in ("0", "1"):
                        raise DataError(
                            f"the column {quoted(label)} holds {quoted(mark)}, expected 0 or 1",
                            where=where,
                            fix="correct the row, or the reader's option 'labels'",
                        )
                labels = [
                    label for label, mark in zip(options.labels, marks, strict=True) if mark == "1"
                ]
                add_label_set(result, name, tokenize(body), labels, form, where)
            except DataError as error:
                text.problem(error)
        return result


READER = IndicatorReader()
