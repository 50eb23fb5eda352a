"""Cutting the tokens of a paragraph into sentences by a fixed rule.

Language models need no exact sentences, but text of the kind that tasks have: sentences of usual
length that end with their full stop. The rule is stated, so that it can stand in a corpus's
identity; it is meant for English.
"""

from __future__ import annotations

from collections.abc import Sequence

RULE_VERSION = 1
"""Changes with the rule: it is part of what names a corpus."""

_ENDS = frozenset(".!?…")
_CLOSERS = frozenset("”’)]}»")
_OPENERS = frozenset("\"'“‘([{«¿¡")
_STRAIGHT = frozenset("\"'")
_ABBREVIATIONS = frozenset(
    {"Mr", "Mrs", "Ms", "Dr", "Prof", "Sr", "Jr", "St", "Mt", "Rev", "Hon", "Pres", "Gov", "Sen"}
    | {"Gen", "Col", "Lt", "Capt", "Sgt", "Rep", "No", "vs", "cf", "al", "Fig", "fig", "Vol"}
    | {"vol", "pp", "Jan", "Feb", "Mar", "Apr", "Aug", "Sept", "Oct", "Nov", "Dec", "Inc", "Ltd"}
    | {"Co", "Corp"}
)
LONGEST = 200
"""Tokens. A longer sentence (a list, a table) is cut there."""


def cut_sentences(tokens: Sequence[str]) -> list[list[str]]:
    """The sentences of ``tokens``; together they are ``tokens`` again.

    A sentence ends after ``. ! ? …`` and the closing quotes and brackets that follow, if the next
    token begins with a capital letter, a digit or an opening quote or bracket. A full stop after a
    single capital letter or a common abbreviation (``Mr``, ``Dr``, ``vs``) ends none. What is
    longer than :data:`LONGEST` tokens is cut at that length.
    """
    sentences: list[list[str]] = []
    start = i = 0
    while i < len(tokens):
        i += 1
        if tokens[i - 1] in _ENDS and not _abbreviates(tokens, i - 1, start):
            while i < len(tokens) and _belongs(tokens, i, start):
                i += 1
            if i == len(tokens) or _begins(tokens[i]):
                sentences.append(list(tokens[start:i]))
                start = i
        elif i - start >= LONGEST:
            sentences.append(list(tokens[start:i]))
            start = i
    if start < len(tokens):
        sentences.append(list(tokens[start:]))
    return sentences


def _belongs(tokens: Sequence[str], i: int, start: int) -> bool:
    """Whether token i, after the end of a sentence, is still of it; a straight quote is if one is
    open."""
    token = tokens[i]
    if token in _STRAIGHT:
        return tokens[start:i].count(token) % 2 == 1
    return token in _CLOSERS or token in _ENDS


def _abbreviates(tokens: Sequence[str], stop: int, start: int) -> bool:
    if tokens[stop] != "." or stop == start:
        return False
    before = tokens[stop - 1]
    return before in _ABBREVIATIONS or (len(before) == 1 and before.isupper() and before != "I")


def _begins(token: str) -> bool:
    first = token[0]
    return first.isupper() or first.isdigit() or first in _OPENERS
