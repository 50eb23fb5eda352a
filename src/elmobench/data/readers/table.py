"""Classification data in a table: TSV or CSV, columns by name or number."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from elmobench.core.errors import DataError
from elmobench.data.label_kinds import LabelForm
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
    label_separator: str = Field(default=",", min_length=1)
    """Separator between the labels of a text, in pipelines of several labels per text; a text with
    an empty field has none.
    """


class TableReader(Reader[TableOptions]):
    """Gives texts with labels or a number. Every row must have as many fields as the first."""

    name: ClassVar[str] = "table"
    version: ClassVar[int] = 1
    options_type = TableOptions
    droppable = ("empty-label", "empty-text", "field-count")

    def read(self, text: SourceText, options: TableOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        tokenize = TOKENIZERS[options.tokenizer]
        result = ReadResult([])
        form = LabelForm(text.labels, options.map, options.label_separator, options.strip)
        rows = rows_of_fields(text, options, result.dropped, result.groups)
        for number, name, (body, label) in rows:
            try:
                add_text(result, name, tokenize(body), label, form, text.at(number))
            except DataError as error:
                text.problem(error)
        return result


READER = TableReader()
