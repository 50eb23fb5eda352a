"""Sentiment trees: one bracketed tree per line, digits 0-4 on nodes (Stanford treebank)."""

from __future__ import annotations

import re
from collections import Counter
from typing import ClassVar, Literal

from elmobench.core.errors import DataError
from elmobench.data.examples import ClassifiedText, Phrase
from elmobench.data.readers.base import Reader, ReaderOptions, ReadResult, SourceText
from elmobench.data.readers.column_rows import column_lines, without_blanks

_ESCAPES = {"-LRB-": "(", "-RRB-": ")"}
_TWO = {"0": "negative", "1": "negative", "3": "positive", "4": "positive"}
_FIVE = {digit: digit for digit in "01234"}

# A leaf's word is all up to the bracket: some hold U+00A0, so words are not split at blanks.
_PIECE = re.compile(r" ?\(([0-9]) (?:([^()]+)\)|(?= ?\())|\)")


class TreeOptions(ReaderOptions):
    """Options of the ``sst`` reader."""

    granularity: Literal["five", "two"] = "five"
    """Labels. ``five``: ``"0"`` (very negative) to ``"4"``. ``two``: 0 and 1 become ``"negative"``,
    3 and 4 ``"positive"``; sentences and phrases with 2 are dropped.
    """
    unescape: bool = False
    """Whether to undo the treebank's escapes: ``-LRB-``, ``-RRB-``, ``\\/`` and ``\\*``."""


class TreeReader(Reader[TreeOptions]):
    """Gives :class:`ClassifiedText` with a phrase for every sub-tree, children before parents."""

    name: ClassVar[str] = "sst"
    version: ClassVar[int] = 1
    options_type = TreeOptions
    droppable = ("empty-token",)

    def read(self, text: SourceText, options: TreeOptions) -> ReadResult:
        """See :meth:`Reader.read`. Ids hold the line's number, so they do not depend on options."""
        result = ReadResult([])
        for number, line in column_lines(text):
            try:
                example = _example(line, options, result.dropped, text, number)
            except DataError as error:
                text.problem(error)
                continue
            if example is not None:
                result.examples.append(example)
        return result


def _example(
    line: str, options: TreeOptions, dropped: Counter[str], text: SourceText, number: int
) -> ClassifiedText | None:
    """The sentence of a line; None for one that ``granularity`` drops."""
    labels = _FIVE if options.granularity == "five" else _TWO
    tokens, nodes = parse_tree(line, text.at(number))
    root = nodes[-1][2]
    if root not in _FIVE:
        raise DataError(f"label {root} is not 0 to 4", where=text.at(number))
    if root not in labels:
        dropped[f"sentences labelled {root}"] += 1
        return None
    phrases = []
    for start, end, digit in nodes:
        label = labels.get(digit)
        if label is not None:
            phrases.append(Phrase(start, end, label))
        elif digit in _FIVE:
            dropped[f"phrases labelled {digit}"] += 1
        else:
            raise DataError(f"label {digit} is not 0 to 4", where=text.at(number))
    if options.unescape:
        tokens = [unescape(token) for token in tokens]
    return ClassifiedText(text.id(number), tuple(tokens), labels[root], tuple(phrases))


def parse_tree(line: str, where: str) -> tuple[list[str], list[tuple[int, int, str]]]:
    """Words of a tree, and its nodes as (start, end, digit), children before parents.

    Raises:
        DataError: the brackets do not match or there is text outside them.
    """
    tokens: list[str] = []
    nodes: list[tuple[int, int, str]] = []
    open_nodes: list[tuple[int, str]] = []
    position = 0
    for match in _PIECE.finditer(line):
        if match.start() != position or (nodes and not open_nodes):
            break
        position = match.end()
        digit, word = match.groups()
        if word is not None:
            without_blanks(word, "word", where)
            nodes.append((len(tokens), len(tokens) + 1, digit))
            tokens.append(word)
        elif digit is not None:
            open_nodes.append((len(tokens), digit))
        elif open_nodes and open_nodes[-1][0] < len(tokens):
            start, label = open_nodes.pop()
            nodes.append((start, len(tokens), label))
        else:
            raise DataError(f"not a tree: an extra ')' at column {position}", where=where)
    if position != len(line):
        shown = line[position : position + 20]
        raise DataError(f"not a tree: at column {position + 1}, {shown!r}", where=where)
    if open_nodes or not nodes:
        raise DataError(
            f"not a tree: {len(open_nodes)} brackets are not closed" if line else "an empty line",
            where=where,
        )
    return tokens, nodes


def unescape(token: str) -> str:
    """A treebank token as it was written: ``-LRB-`` is ``(``, ``\\/`` is ``/``."""
    return _ESCAPES.get(token) or token.replace("\\/", "/").replace("\\*", "*")


READER = TreeReader()
