"""Classification data in a table: TSV or CSV, columns by name or number."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from pydantic import Field

from elmobench.core.errors import DataError
from elmobench.data.examples import ClassifiedText
from elmobench.data.readers.base import Reader, ReadResult, SourceText
from elmobench.data.readers.rows import EMPTY_FIX, STRIP_FIX, Column, RowOptions, rows_of_fields
from elmobench.data.readers.tokenizers import TOKENIZERS, TokenizerName
from elmobench.data.text_checks import check_label


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
    """Gives :class:`ClassifiedText`. Every row must have as many fields as the first."""

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
            tokens = tokenize(body)
            try:
                label = self._label(label, tokens, options, result.dropped, text.at(number))
            except DataError as error:
                text.problem(error)
                continue
            result.examples.append(ClassifiedText(name, tuple(tokens), label))
        return result

    def _label(
        self,
        label: str,
        tokens: list[str],
        options: TableOptions,
        dropped: Counter[str],
        where: str,
    ) -> str:
        """The label of a row, checked, by the name that the options give it."""
        if not tokens or not label.strip():
            what = "label" if tokens else "text"
            raise DataError(
                f"the {what} is empty", where=where, fix=EMPTY_FIX, kind=f"empty-{what}"
            )
        renamed = options.map.get(label, label)
        check_label(renamed, where, STRIP_FIX)
        if label in options.map:
            dropped[f"label {label} renamed {renamed}"] += 1
        return renamed


READER = TableReader()
