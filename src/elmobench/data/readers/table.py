"""Classification data in a table: TSV or CSV, columns by name or number."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from elmobench.data.examples import ClassifiedText
from elmobench.data.readers.base import Reader, ReaderOptions, ReadResult, SourceText
from elmobench.data.readers.tokenizers import TOKENIZERS, TokenizerName
from elmobench.errors import DataError
from elmobench.registry import did_you_mean

Column = str | int


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
    quoting: Literal["none", "csv"] = "none"
    tokenizer: TokenizerName = "words"
    map: dict[str, str] = Field(default_factory=dict)

    @field_validator("delimiter", mode="before")
    @classmethod
    def _by_name(cls, value: object) -> object:
        named = {"tab": "\t", "comma": ",", "semicolon": ";"}
        return named.get(value, value) if isinstance(value, str) else value

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
        for number, row in _rows(text, options):
            if row in ([], [""]):
                dropped["blank lines"] += 1
                continue
            if not columns:
                width = len(row)
                columns = _columns(row, options, text.at(number))
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


def _rows(text: SourceText, options: TableOptions) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of the line they start at."""
    if options.quoting == "none":
        for number, line in text.rows():
            yield number, line.split(options.delimiter)
        return
    numbers: list[int] = []

    def lines() -> Iterator[str]:
        for number, line in text.rows():
            numbers.append(number)
            yield line + "\n"

    reader = csv.reader(lines(), delimiter=options.delimiter, strict=True)
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


def _columns(row: list[str], options: TableOptions, where: str) -> list[int]:
    wanted: list[Column] = [options.text, options.label]
    if options.id is not None:
        wanted.append(options.id)
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


READER = TableReader()
