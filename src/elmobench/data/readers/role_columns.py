"""Arguments in brackets, one column per predicate (``(A0*``, ``*``, ``*)``), as BIO tags."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from elmobench.core.errors import DataError
from elmobench.core.quoting import quoted, shortened

NO_TARGET = "-"
"""The value of the column of predicates at tokens that are none."""

_CELL = re.compile(r"(?:\(([^()*\s]+))?\*(\))?")
_NO_BIO = "arguments of one predicate that nest or cross have no BIO form"


def bio_of_brackets(cells: Sequence[str], at: Callable[[int], str]) -> tuple[str, ...]:
    """The BIO tags of one column of a sentence. Labels are kept, ``C-`` and ``R-`` included.

    Args:
        cells: one per token.
        at: file and line of a token, for errors.

    Raises:
        DataError: brackets that do not match or that nest.
    """
    tags: list[str] = []
    label = ""
    for i, cell in enumerate(cells):
        match = _CELL.fullmatch(cell)
        if match is None:
            raise DataError(
                f"{quoted(cell)} is not a cell of an argument column",
                where=at(i),
                fix=f"expected '(LABEL*', '*', '*)' or '(LABEL*)'; {_NO_BIO}",
            )
        opened, closes = match.groups()
        if opened and label:
            raise DataError(
                f"{shortened(opened)} opens inside {shortened(label)}, which is not closed",
                where=at(i),
                fix=_NO_BIO,
            )
        if opened:
            tags.append(f"B-{opened}")
            label = opened
        else:
            tags.append(f"I-{label}" if label else "O")
        if closes:
            if not label:
                raise DataError("')' closes no argument", where=at(i))
            label = ""
    if label:
        raise DataError(
            f"{shortened(label)} is not closed at the end of the sentence", where=at(len(cells) - 1)
        )
    return tuple(tags)


def predicates_of(targets: Sequence[str], columns: int, at: Callable[[int], str]) -> list[int]:
    """The predicate of each argument column: column c belongs to the c-th target.

    Args:
        targets: one per token, ``-`` where it is no predicate.
        columns: number of argument columns of the sentence.
        at: file and line of a token, for errors.

    Raises:
        DataError: the numbers of predicates and columns differ.
    """
    predicates = [i for i, target in enumerate(targets) if target != NO_TARGET]
    if len(predicates) != columns:
        raise DataError(
            f"the sentence marks {len(predicates)} predicates but has {columns} argument columns",
            where=at(0),
        )
    return predicates


def transposed(
    rows: Sequence[Sequence[str]], first: int, last: int | None, at: Callable[[int], str]
) -> list[list[str]]:
    """The fields ``first`` to ``last`` (as a slice) of a sentence's rows, column by column.

    Raises:
        DataError: a row has more or fewer fields than the sentence's first, or too few at all; or
            the sentence has more columns than tokens.
    """
    for i, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise DataError(
                f"the row has {len(row)} fields, but the sentence's first has {len(rows[0])}",
                where=at(i),
            )
        if len(row) < first:
            raise DataError(
                f"the row has {len(row)} fields, at least {first} expected", where=at(i)
            )
    columns = len(rows[0][first:last])
    if columns > len(rows):
        raise DataError(
            f"the sentence has {columns:,} argument columns, but {len(rows):,} tokens: every "
            "column belongs to another token",
            where=at(0),
            fix="check that the columns are those of the reader's options",
        )
    return [list(column) for column in zip(*(row[first:last] for row in rows), strict=True)]
