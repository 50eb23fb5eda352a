"""What the readers of column files share: lines, fields, and one width per sentence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

from elmobench.core.errors import DataError
from elmobench.core.quoting import quoted
from elmobench.data.blanks import is_blank, split_blanks, strip_blanks
from elmobench.data.readers.base import SourceText

Separator = Literal["tab", "whitespace"]
"""One TAB, or any run of blanks and tabs. Other white space of Unicode separates nothing."""

RANGE_OR_EMPTY = re.compile(r"[0-9]+[-.][0-9]+")
"""The ids of multiword tokens (``3-4``) and of empty nodes (``3.1``) in CoNLL-U."""


_EMPTY = {"token": "empty-token", "word": "empty-token", "tag": "empty-label"}


def column_lines(text: SourceText) -> Iterator[tuple[int, str]]:
    """Yield the lines of a column file, as :meth:`SourceText.rows` does.

    Raises:
        DataError: a line holds a carriage return, or begins with a byte-order mark because files
            were joined. Both would become part of a word or of a tag. Or the file is empty.
    """
    empty = True
    for number, line in text.rows():
        if "\r" in line:
            raise DataError(
                f"holds a carriage return (CR) at character {line.index(chr(13)) + 1}",
                where=text.at(number),
                fix="convert the line ends to LF",
            )
        if line.startswith("\ufeff"):
            raise DataError(
                "begins with a byte-order mark, as the first line of another file may",
                where=text.at(number),
                fix="take out the mark (U+FEFF)",
            )
        empty = empty and is_blank(line)
        yield number, line
    if empty:
        raise DataError("the file is empty, or has blank lines only", where=text.name)


def fields_of(line: str, separator: Separator) -> list[str]:
    """The fields of a line."""
    return line.split("\t") if separator == "tab" else split_blanks(line)


def field_at(row: Sequence[str], column: int, role: str, where: str) -> str:
    """The field in ``column``, which counts from 0, or from the end if it is negative.

    Args:
        row: the fields of a line.
        column: the wanted one.
        role: what it holds, for errors.
        where: file and line, for errors.

    Raises:
        DataError: the row has no such column.
    """
    if not -len(row) <= column < len(row):
        raise DataError(
            f"no {role} column {column}: the row has {len(row)} fields",
            where=where,
            fix="check 'separator' and the column numbers",
            kind="field-count",
        )
    return row[column]


def without_blanks(
    value: str,
    role: str,
    where: str,
    dropped: Counter[str] | None = None,
    fix: str = "take them out",
) -> str:
    """``value`` without the blanks around it, counted in ``dropped``; an error without that.

    A word may begin or end with other white space of Unicode, such as a no-break space; a word
    that consists of white space is empty.

    Args:
        value: the field.
        role: what it holds, for errors.
        where: file and line, for errors.
        dropped: counts fields that were cut; None if they are errors.
        fix: what the user can do about blanks.

    Raises:
        DataError: the field is empty, or there are blanks around it and nothing to count them in.
    """
    if value and value == value.strip():  # nearly all
        return value
    bare = strip_blanks(value)
    if not bare or bare.isspace():
        shown = f": {quoted(value)}" if value else ""
        kind = _EMPTY.get(role)
        raise DataError(f"the {role} is empty{shown}", where=where, kind=kind)
    if bare != value:
        if dropped is None:
            raise DataError(
                f"the {role} {quoted(value)} has blanks around it", where=where, fix=fix
            )
        dropped[f"blanks around a {role}, cut"] += 1
    return bare


def check_tag(tag: str, where: str, fix: str = "correct the file") -> None:
    """Check that a tag is what it looks like; otherwise it would be another class, unseen.

    Raises:
        DataError: it begins or ends with white space, or has a character that cannot be seen.
    """
    if tag != tag.strip() or not tag.isprintable():
        raise DataError(
            f"the tag {quoted(tag)} holds white space or a character that cannot be seen",
            where=where,
            fix=fix,
        )


def check_width(row: Sequence[str], first: Sequence[str], where: str) -> None:
    """Check that a row has as many fields as its sentence's first row.

    Raises:
        DataError: it has more or fewer, as a word with a blank in it causes.
    """
    if len(row) != len(first):
        raise DataError(
            f"the row has {len(row)} fields, but the sentence's first has {len(first)}",
            where=where,
            fix="check 'separator': columns that one TAB separates may hold blanks",
            kind="field-count",
        )
