"""CoNLL-2009: semantic roles on the heads of arguments, in 14 columns and one per predicate.

Columns: ID, FORM, LEMMA, PLEMMA, POS, PPOS, FEAT, PFEAT, HEAD, PHEAD, DEPREL, PDEPREL, FILLPRED,
PRED, and one APRED for each predicate, TAB between them; ``_`` is empty. An argument is marked at
its head, one token. Source: Hajič et al. 2009, *The CoNLL-2009 Shared Task: Syntactic and Semantic
Dependencies in Multiple Languages*, section 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from elmobench.core.errors import DataError
from elmobench.data.blanks import is_blank
from elmobench.data.examples import Proposition
from elmobench.data.readers.base import Reader, ReaderOptions, ReadResult, SourceText
from elmobench.data.readers.column_rows import check_tag, check_width, column_lines, without_blanks

_FORM, _FILLPRED, _PRED, _FIRST = 1, 12, 13, 14
_EMPTY = "_"


class Conll2009Options(ReaderOptions):
    """The ``conll-2009`` reader has no options."""


class Conll2009Reader(Reader[Conll2009Options]):
    """Gives one :class:`Proposition` per predicate, whose arguments are single tokens.

    The tag of an argument's head is ``B-`` and its label, that of the predicate ``B-V``. Scores are
    of labelled heads, without the predicates' senses: they are lower than the shared task's
    semantic F1, which counts a sense for each predicate. A predicate that is its own argument
    keeps ``V``, and the argument is dropped and counted.
    """

    name: ClassVar[str] = "conll-2009"
    version: ClassVar[int] = 1
    options_type = Conll2009Options
    droppable = ("empty-token", "field-count")

    def read(self, text: SourceText, options: Conll2009Options) -> ReadResult:
        """See :meth:`Reader.read`. Ids hold the sentence's first line and the column, from 1."""
        result = ReadResult([])
        rows: list[list[str]] = []
        numbers: list[int] = []

        def close() -> None:
            if rows:
                try:
                    result.examples.extend(_propositions(rows, numbers, text, result))
                except DataError as error:
                    text.problem(error)
            rows.clear()
            numbers.clear()

        for number, line in column_lines(text):
            if is_blank(line):
                close()
            else:
                rows.append(line.split("\t"))
                numbers.append(number)
        close()
        return result


def _propositions(
    rows: Sequence[list[str]], numbers: Sequence[int], text: SourceText, result: ReadResult
) -> list[Proposition]:
    tokens: list[str] = []
    for row, number in zip(rows, numbers, strict=True):
        where = text.at(number)
        check_width(row, rows[0], where)
        if len(row) < _FIRST:
            raise DataError(
                f"the row has {len(row)} fields, at least {_FIRST} expected (CoNLL-2009)",
                where=where,
                fix="fields are separated by one TAB",
                kind="field-count",
            )
        tokens.append(without_blanks(row[_FORM], "token", where))
    predicates = [i for i, row in enumerate(rows) if row[_FILLPRED] == "Y"]
    columns = len(rows[0]) - _FIRST
    if len(predicates) != columns:
        raise DataError(
            f"{columns} columns of arguments, but {len(predicates)} rows with FILLPRED Y",
            where=text.at(numbers[0]),
        )
    if not predicates:
        result.dropped["sentences without a predicate"] += 1
    found = []
    for c, predicate in enumerate(predicates):
        tags = ["O"] * len(rows)
        for i, row in enumerate(rows):
            label = row[_FIRST + c]
            if label == _EMPTY:
                continue
            check_tag(label, text.at(numbers[i]))
            if i == predicate:
                result.dropped["arguments that are their own predicate"] += 1
            else:
                tags[i] = f"B-{label}"
        tags[predicate] = "B-V"
        name = f"{text.id(numbers[0])}#{c + 1}"
        roleset = rows[predicate][_PRED]
        known = None if roleset == _EMPTY else roleset
        found.append(Proposition(name, tuple(tokens), predicate, tuple(tags), known))
    return found


READER = Conll2009Reader()
