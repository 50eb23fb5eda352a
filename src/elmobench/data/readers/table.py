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

    def read(self, text: SourceText, options: TableOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        tokenize = TOKENIZERS[options.tokenizer]
        examples: list[ClassifiedText] = []
        dropped: Counter[str] = Counter()
        for number, name, (body, label) in rows_of_fields(text, options, dropped):
            tokens = tokenize(body)
            if not tokens or not label.strip():
                raise DataError(
                    f"the {'label' if tokens else 'text'} is empty",
                    where=text.at(number),
                    fix=EMPTY_FIX,
                )
            if label in options.map:
                dropped[f"label {label} renamed {options.map[label]}"] += 1
            label = options.map.get(label, label)
            check_label(label, text.at(number), STRIP_FIX)
            examples.append(ClassifiedText(name, tuple(tokens), label))
        return ReadResult(examples, dropped)


READER = TableReader()
