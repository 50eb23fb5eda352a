"""Cut the tokens of a paragraph into sentences by a fixed rule.

Language models do not need exact sentence boundaries, but text like that of the tasks: sentences
of usual length that end with a full stop. The rule is fixed and has a version, so that it can be
part of a corpus's identity. It is meant for English.
"""

from __future__ import annotations

from collections.abc import Sequence

RULE_VERSION = 1
"""Changes with the rule; part of the digest of a corpus."""

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
"""Largest number of tokens; longer sentences (lists, tables) are cut there."""


def cut_sentences(tokens: Sequence[str]) -> list[list[str]]:
    """Cut ``tokens`` into sentences; concatenated, they are ``tokens`` again.

    A sentence ends after ``. ! ? …`` and the closing quotes and brackets that follow, if the next
    token begins with a capital letter, a digit or an opening quote or bracket. A full stop after a
    single capital letter or a common abbreviation (``Mr``, ``Dr``, ``vs``) ends no sentence.
    Sentences longer than :data:`LONGEST` tokens are cut at that length.
    """
    sentences: list[list[str]] = []
    start = i = 0
    while i < len(tokens):
        i += 1
        if tokens[i - 1] in _ENDS and not _is_abbreviation(tokens, i - 1, start):
            while i < len(tokens) and _belongs_to_sentence(tokens, i, start):
                i += 1
            if i == len(tokens) or _begins_sentence(tokens[i]):
                sentences.append(list(tokens[start:i]))
                start = i
        elif i - start >= LONGEST:
            sentences.append(list(tokens[start:i]))
            start = i
    if start < len(tokens):
        sentences.append(list(tokens[start:]))
    return sentences


def _belongs_to_sentence(tokens: Sequence[str], i: int, start: int) -> bool:
    """Whether token i, after the end of a sentence, still belongs to it.

    A straight quote does if a quote is open.
    """
    token = tokens[i]
    if token in _STRAIGHT:
        return tokens[start:i].count(token) % 2 == 1
    return token in _CLOSERS or token in _ENDS


def _is_abbreviation(tokens: Sequence[str], stop: int, start: int) -> bool:
    if tokens[stop] != "." or stop == start:
        return False
    before = tokens[stop - 1]
    return before in _ABBREVIATIONS or (len(before) == 1 and before.isupper() and before != "I")


def _begins_sentence(token: str) -> bool:
    first = token[0]
    return first.isupper() or first.isdigit() or first in _OPENERS
