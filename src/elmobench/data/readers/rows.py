"""Rows of TSV and CSV tables with their line numbers, and columns by name or number."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from elmobench.core.counted import counted
from elmobench.core.errors import DataError
from elmobench.core.parsing import parsing
from elmobench.core.quoting import quoted, shortened
from elmobench.core.registry import did_you_mean
from elmobench.data.readers.base import ReaderOptions, SourceText
from elmobench.data.readers.row_filter import RowFilter, WhereOptions

Column = str | int
"""A column by name, where the table has a header, or by number from 0."""

Quoting = Literal["none", "csv"]
"""``none``: quotes are ordinary characters and a row is a line. ``csv``: fields may be quoted, as
spreadsheets write them, and may hold line ends."""

MAX_QUOTED_CHARACTERS = 1 << 24
"""The longest field of a table with quotes. In one whose quote is never closed, the rest of the
file would be one field.
"""


class StripOptions(ReaderOptions):
    """The option of every reader whose labels are whole fields."""

    strip: bool = False
    """Whether blanks around fields are removed; what this changes is counted. Without it, blanks
    around a label are an error.
    """


class RowOptions(StripOptions, WhereOptions):
    """Options of every reader of tables."""

    column_options: ClassVar[tuple[str, ...]] = ()
    """Names of the options that are columns every row must have."""
    id: Column | None = None
    """Column of an id, if there is one."""
    group: Column | None = None
    """Column that names the document, author or other group of a row; ``split: {by: group}`` in the
    card keeps the rows of a group together.
    """
    header: bool | None = None
    """Whether the first row holds the columns' names. By default it does if a column is given by
    name.
    """
    delimiter: str = Field(default="\t", min_length=1, max_length=1)
    """Separator of columns: ``tab``, ``comma``, ``semicolon`` or any one character."""
    quoting: Quoting = "none"
    """With ``none``, quotes are ordinary characters and a row is a line. With ``csv``, fields may
    be quoted, as spreadsheets write them, and may contain line ends.
    """
    ragged: bool = False
    """Whether rows may have other numbers of fields than the first, as in the files of the STS
    benchmark; such rows are counted. A row that lacks a field that is read is still a problem.
    """

    @field_validator("delimiter", mode="before")
    @classmethod
    def _by_name(cls, value: object) -> object:
        named = {"tab": "\t", "comma": ",", "semicolon": ";"}
        return named.get(value, value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _columns_exist(self) -> Self:
        if self.header is False and any(isinstance(c, str) for c in self.columns):
            raise ValueError("columns given by name need a header")
        if any(isinstance(c, int) and c < 0 for c in self.columns):
            raise ValueError("columns are counted from 0")
        return self

    @property
    def columns(self) -> list[Column]:
        """The columns that are read: those of ``column_options``, id, group, and of ``where``."""
        columns: list[Column] = [getattr(self, name) for name in self.column_options]
        columns += [column for column in (self.id, self.group) if column is not None]
        return [*columns, *self.where]

    @property
    def has_header(self) -> bool:
        """Whether the first row holds the columns' names."""
        if self.header is not None:
            return self.header
        return any(isinstance(column, str) for column in self.columns)


def rows_of_fields(
    text: SourceText,
    options: RowOptions,
    dropped: Counter[str],
    groups: dict[str, str] | None = None,
) -> Iterator[tuple[int, str, list[str]]]:
    """Yield the line number, the id and the fields of every example, in the options' order.

    Args:
        text: the table.
        options: which columns.
        dropped: counts the blank lines, the rows that ``where`` leaves out, and those in which
            blanks were removed.
        groups: gets the group of each example, by its id, if a column of groups is stated.

    Raises:
        DataError: a column is missing, or a row has more or fewer fields than the first, unless
            the options allow it.
    """
    width = 0
    columns: list[int] = []
    is_read = RowFilter(options.where, dropped)
    for number, row in table_rows(text, options.delimiter, options.quoting):
        if row in ([], [""]):
            dropped["blank lines"] += 1
            continue
        if not columns:
            width = len(row)
            columns = find_columns(row, options.columns, text.at(number))
            if options.has_header:
                continue
        if len(row) != width and options.ragged and len(row) > max(columns):
            dropped["rows with more or fewer fields than the first"] += 1
        elif len(row) != width:
            text.problem(
                DataError(
                    f"has {counted(len(row), 'field')}, but the first row has {width}",
                    where=text.at(number),
                    fix="check 'delimiter' and 'quoting'",
                    kind="field-count",
                )
            )
            continue
        fields = [row[column] for column in columns]
        if options.where:
            stated = fields[-len(options.where) :]
            fields = fields[: -len(options.where)]
            if not is_read.keeps(dict(zip(options.where, stated, strict=True))):
                continue
        group = fields.pop() if options.group is not None else None
        name = text.id(number) if options.id is None else fields.pop()
        if group is not None and groups is not None:
            groups[name] = group
        if options.strip:
            stripped = [field.strip() for field in fields]
            dropped["rows with blanks around a field, cut"] += stripped != fields
            fields = stripped
        yield number, name, fields
    is_read.check(text)


def table_rows(
    text: SourceText, delimiter: str, quoting: Quoting
) -> Iterator[tuple[int, list[str]]]:
    """Yield rows with the number of the line at which they start.

    Raises:
        DataError: not UTF-8, quotes that do not close, or a quoted field of more than
            :data:`MAX_QUOTED_CHARACTERS`; names the line.
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

    # Python's limit is 131,072 characters, less than a long text. It holds for the whole process,
    # so it is only ever raised: another thread may be reading a table too.
    if csv.field_size_limit() < MAX_QUOTED_CHARACTERS:
        csv.field_size_limit(MAX_QUOTED_CHARACTERS)
    with parsing(text.name, what="not a table"):
        reader = csv.reader(lines(), delimiter=delimiter, strict=True)
    while True:
        consumed = len(numbers)
        try:
            row = next(reader, None)
        except csv.Error as error:
            place = text.at(numbers[min(consumed, len(numbers) - 1)])
            raise DataError(
                f"not a table: {error}",
                where=place,
                fix="check 'quoting' and 'delimiter': is a quote not closed?",
            ) from error
        if row is None:
            return
        yield numbers[consumed], row


def find_columns(row: list[str], wanted: Sequence[Column], where: str) -> list[int]:
    """The numbers of the ``wanted`` columns; ``row`` is the header if any is given by name.

    Raises:
        DataError: a column is missing, or its name appears twice.
    """
    indices: list[int] = []
    for column in wanted:
        if isinstance(column, int):
            if column >= len(row):
                raise DataError(f"no column {column}: the row has {len(row)}", where=where)
            indices.append(column)
        elif row.count(column) == 1:
            indices.append(row.index(column))
        else:
            problem = "appears twice" if column in row else "is missing"
            raise DataError(
                f"column {column!r} {problem} in the header",
                where=where,
                fix=_how_to_find(column, row),
            )
    return indices


def _how_to_find(column: str, header: list[str]) -> str:
    """What to do if ``header`` lacks ``column``; a header of one field is probably no header."""
    if len(header) > 1:
        return did_you_mean(column, [shortened(name) for name in header])
    first = f"the whole first row is one field, {quoted(header[0])}"
    if header[0].lstrip().startswith(("{", "[")):
        return f"{first}: this looks like JSON; `elmobench list readers` shows what can be read"
    return f"{first}: check 'delimiter'"
