"""Classification data in a table: TSV or CSV, columns by name or number."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from pydantic import Field, field_validator, model_validator

from elmobench.data.examples import ClassifiedText
from elmobench.data.readers.base import Reader, ReaderOptions, ReadResult, SourceText
from elmobench.data.readers.rows import Column, Quoting, find_columns, named_delimiter, table_rows
from elmobench.data.readers.tokenizers import TOKENIZERS, TokenizerName
from elmobench.errors import DataError


class TableOptions(ReaderOptions):
    """Options of the ``table`` reader.

    Attributes:
        text: column of the text; by name, where the table has a header, or number from 0.
        label: column of the label.
        id: column of an id, if there is one.
        header: whether the first row holds the columns' names; not stated: it does if a column
            is given by name.
        delimiter: what separates columns: ``tab``, ``comma``, ``semicolon`` or any one character.
        quoting: ``none``: quotes are ordinary characters and a row is a line. ``csv``: fields
            may be quoted, as spreadsheets write them, and may hold line ends.
        tokenizer: how a text becomes tokens; see :data:`TOKENIZERS`.
        map: other names for labels, for example ``{"0": negative}``.
    """

    text: Column
    label: Column
    id: Column | None = None
    header: bool | None = None
    delimiter: str = Field(default="\t", min_length=1, max_length=1)
    quoting: Quoting = "none"
    tokenizer: TokenizerName = "words"
    map: dict[str, str] = Field(default_factory=dict)

    @field_validator("delimiter", mode="before")
    @classmethod
    def _by_name(cls, value: object) -> object:
        return named_delimiter(value)

    @model_validator(mode="after")
    def _named_needs_header(self) -> TableOptions:
        named = any(isinstance(c, str) for c in (self.text, self.label, self.id))
        if named and self.header is False:
            raise ValueError("columns given by name need a header")
        if any(isinstance(c, int) and c < 0 for c in (self.text, self.label, self.id)):
            raise ValueError("columns are counted from 0")
        return self

    @property
    def has_header(self) -> bool:
        """Whether the first row is no example."""
        if self.header is not None:
            return self.header
        return any(isinstance(c, str) for c in (self.text, self.label, self.id))


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
        width = 0
        columns: list[int] = []
        for number, row in table_rows(text, options.delimiter, options.quoting):
            if row in ([], [""]):
                dropped["blank lines"] += 1
                continue
            if not columns:
                width = len(row)
                wanted = [options.text, options.label]
                if options.id is not None:
                    wanted.append(options.id)
                columns = find_columns(row, wanted, text.at(number))
                if options.has_header:
                    continue
            if len(row) != width:
                raise DataError(
                    f"has {len(row)} fields, the first row {width}",
                    where=text.at(number),
                    fix="check 'delimiter' and 'quoting'",
                )
            body, label = row[columns[0]], row[columns[1]]
            tokens = tokenize(body)
            if not tokens or not label.strip():
                raise DataError(
                    f"the {'label' if tokens else 'text'} is empty", where=text.at(number)
                )
            if label in options.map:
                dropped[f"label {label} renamed {options.map[label]}"] += 1
            name = row[columns[2]] if len(columns) > 2 else text.id(number)
            examples.append(ClassifiedText(name, tuple(tokens), options.map.get(label, label)))
        return ReadResult(examples, dropped)


READER = TableReader()
