"""GAP: a pronoun in a snippet of Wikipedia and two names; it may refer to one of them."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable
from typing import ClassVar

from elmobench.core.errors import DataError
from elmobench.core.quoting import quoted
from elmobench.data.examples import AmbiguousPronoun, Span
from elmobench.data.readers.base import Reader, ReaderOptions, ReadResult, SourceText

COLUMNS = (
    *("ID", "Text", "Pronoun", "Pronoun-offset", "A", "A-offset", "A-coref"),
    *("B", "B-offset", "B-coref", "URL"),
)
GENDERS = {
    **dict.fromkeys(("he", "him", "his"), "masculine"),
    **dict.fromkeys(("she", "her", "hers"), "feminine"),
}
_LABELS = {("TRUE", "FALSE"): "A", ("FALSE", "TRUE"): "B", ("FALSE", "FALSE"): "neither"}

# As in treebanks: clitics and paired quotes are tokens, hyphenated words and numbers are whole.
# The set has "*" in place of each letter outside ASCII, so "*" is a letter.
_NOT = r"n't(?![A-Za-z])"
_LETTERS = rf"(?:(?!{_NOT})[A-Za-z0-9_*])+"
_TOKEN = re.compile(
    rf"``|''|{_NOT}|'(?:s|re|ve|ll|d|m)(?![A-Za-z])|\d+(?:[.,]\d+)+|{_LETTERS}(?:-{_LETTERS})*|\S",
    re.IGNORECASE,
)


class GapOptions(ReaderOptions):
    """The ``gap`` reader has no options."""


class GapReader(Reader[GapOptions]):
    """Gives :class:`AmbiguousPronoun` from a TSV with the header of GAP (Webster et al. 2018).

    The whole snippet is one sequence of tokens. Character offsets are mapped to tokens exactly:
    a word that extends beyond the end of a mention (``him-up``) is cut there and counted.
    """

    name: ClassVar[str] = "gap"
    version: ClassVar[int] = 1
    options_type = GapOptions
    droppable = ("field-count",)

    def read(self, text: SourceText, options: GapOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        result = ReadResult([])
        for number, line in text.rows():
            row = line.split("\t")
            where = text.at(number)
            try:
                if len(row) != len(COLUMNS):
                    raise DataError(
                        f"has {len(row)} fields, expected {len(COLUMNS)}",
                        where=where,
                        kind="field-count",
                    )
                if not result.examples and tuple(row) == COLUMNS:
                    continue
                result.examples.append(_example(row, result.dropped, where))
            except DataError as error:
                text.problem(error)
        return result


def _example(row: list[str], dropped: Counter[str], where: str) -> AmbiguousPronoun:
    name, body, pronoun, at, a, a_at, a_coref, b, b_at, b_coref, _ = row
    label = _LABELS.get((a_coref, b_coref))
    if label is None:
        raise DataError(
            f"A-coref is {a_coref!r} and B-coref {b_coref!r}",
            where=where,
            fix="each is TRUE or FALSE, at most one TRUE",
        )
    gender = GENDERS.get(pronoun.lower())
    if gender is None:
        raise DataError(f"{pronoun!r} is not one of GAP's pronouns", where=where)
    mentions = [
        _characters(body, word, offset, role, where)
        for word, offset, role in ((pronoun, at, "Pronoun"), (a, a_at, "A"), (b, b_at, "B"))
    ]
    tokens, cut = tokenize(body, [end for mention in mentions for end in mention])
    if cut:
        dropped["words cut at an end of a mention"] += cut
    spans = [token_span(tokens, *mention) for mention in mentions]
    words = tuple(body[start:end] for start, end in tokens)
    return AmbiguousPronoun(name, words, spans[0], (spans[1], spans[2]), label, gender)


def _characters(body: str, word: str, offset: str, role: str, where: str) -> tuple[int, int]:
    """Start and end of a mention in the text."""
    # No text has so many characters, and Python converts no number of thousands of digits.
    is_number = offset.isascii() and offset.isdecimal() and len(offset) < 10
    if not is_number or not word or word.strip() != word:
        raise DataError(f"{role} is {quoted(word)} at offset {quoted(offset)}", where=where)
    start = int(offset)
    actual = body[start : start + len(word)]
    if actual != word:
        raise DataError(
            f"{role} is {quoted(word)}, but the text has {quoted(actual)} at {start}", where=where
        )
    return start, start + len(word)


def tokenize(text: str, cuts: Iterable[int] = ()) -> tuple[list[tuple[int, int]], int]:
    """Start and end of each token, and the number of ``cuts`` inside a token."""
    ends = sorted(set(cuts))
    tokens: list[tuple[int, int]] = []
    number = 0
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        for cut in ends[bisect_right(ends, start) : bisect_left(ends, end)]:
            tokens.append((start, cut))
            start = cut
            number += 1
        tokens.append((start, end))
    return tokens, number


def token_span(tokens: list[tuple[int, int]], start: int, end: int) -> Span:
    """First and last token of the characters [start, end), whose ends are ends of tokens."""
    return bisect_left(tokens, (start,)), bisect_left(tokens, (end,)) - 1


READER = GapReader()
