"""Classification data in a table: TSV or CSV, columns by name or number."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from elmobench.core.errors import DataError
from elmobench.data.readers.base import Reader, ReadResult, SourceText
from elmobench.data.readers.row_examples import add_text
from elmobench.data.readers.rows import Column, RowOptions, rows_of_fields
from elmobench.data.readers.tokenizers import TOKENIZERS, TokenizerName


class TableOptions(RowOptions):
    """Options of the ``table`` reader."""

    column_options: ClassVar[tuple[str, ...]] = ("text", "label")
    text: Column
    """Column of the text: its name, if the table has a header, or its number from 0."""
    label: Column
    """Column of the label."""
    tokenizer: TokenizerName = "words"
    """How a text is split into tokens."""
    map: dict[str, str] = Field(default_factory=dict)
    """Other names for labels, for example ``{"0": negative}``."""


class TableReader(Reader[TableOptions]):
    """Gives texts with a label or number. Every row must have as many fields as the first."""

    name: ClassVar[str] = "table"
    version: ClassVar[int] = 1
    options_type = TableOptions
    droppable = ("empty-label", "empty-text", "field-count")

    def read(self, text: SourceText, options: TableOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        tokenize = TOKENIZERS[options.tokenizer]
        result = ReadResult([])
        rows = rows_of_fields(text, options, result.dropped, result.groups)
        for number, name, (body, label) in rows:
            try:
                tokens, where = tokenize(body), text.at(number)
                add_text(result, name, tokens, label, options.map, where, text.labels)
            except DataError as error:
                text.problem(error)
        return result


READER = TableReader()
