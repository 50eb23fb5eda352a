"""Sentences of CoNLL-U with their dependency trees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from elmobench.core.errors import DataError
from elmobench.core.quoting import quoted
from elmobench.data.blanks import is_blank, strip_blanks
from elmobench.data.examples import Sentence
from elmobench.data.readers.base import SourceText
from elmobench.data.readers.column_rows import RANGE_OR_EMPTY, column_lines, without_blanks

_SENT_ID, _NEW_DOCUMENT = "sent_id = ", "newdoc id = "
_ID, _FORM, _UPOS, _XPOS, _HEAD, _RELATION, _FIELDS = 0, 1, 3, 4, 6, 7, 10


@dataclass(frozen=True)
class ParsedSentence:
    """One sentence of a treebank.

    Attributes:
        id: its ``sent_id``, or an id from its first line.
        tokens: the syntactic words.
        heads: the number of each word's head, from 0; -1 for the root, of which there is one.
        relations: the relation of each word to its head (``nsubj:pass``).
        parts: the universal part of speech of each word.
        tags: the part of speech of each word in the tag set of the treebank's language.
        document: the id of its document; None where the file states none.
    """

    id: str
    tokens: Sentence
    heads: tuple[int, ...]
    relations: tuple[str, ...]
    parts: tuple[str, ...]
    tags: tuple[str, ...]
    document: str | None


@dataclass
class _Rows:
    rows: list[list[str]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    name: str | None = None
    wrong: bool = False


def parsed_sentences(text: SourceText, dropped: Counter[str]) -> Iterator[ParsedSentence]:
    """Yield the sentences of a file in CoNLL-U (Universal Dependencies).

    Ranges of multiword tokens and empty nodes are counted in ``dropped``. A sentence with a problem
    is noted in ``text`` and left out.

    Raises:
        DataError: a row has not ten fields or an empty word, words are not numbered in order, a
            head is no word of the sentence, or the heads are no tree with one root.
    """
    document: str | None = None
    sentence = _Rows()
    for number, line in [*column_lines(text), (0, "")]:
        if is_blank(line):
            parsed = _close(text, sentence, document)
            sentence = _Rows()
            if parsed is not None:
                yield parsed
        elif line.startswith("#"):
            comment = strip_blanks(line.removeprefix("#"))
            if comment.startswith(_SENT_ID):
                sentence.name = strip_blanks(comment.removeprefix(_SENT_ID))
            elif comment.startswith(_NEW_DOCUMENT):
                document = strip_blanks(comment.removeprefix(_NEW_DOCUMENT))
        else:
            sentence.numbers.append(number)
            try:
                _add(sentence, line, text.at(number), dropped)
            except DataError as error:
                sentence.wrong = True
                text.problem(error, example=sentence.numbers[0])


def _add(sentence: _Rows, line: str, where: str, dropped: Counter[str]) -> None:
    row = line.split("\t")
    if len(row) != _FIELDS:
        raise DataError(
            f"the row has {len(row)} fields, expected the 10 of CoNLL-U, separated by TABs",
            where=where,
            kind="field-count",
        )
    if RANGE_OR_EMPTY.fullmatch(row[_ID]):
        dropped["ranges and empty nodes"] += 1
        return
    row[_FORM] = without_blanks(row[_FORM], "word", where)
    expected = str(len(sentence.rows) + 1)
    if row[_ID] != expected and not sentence.wrong:
        raise DataError(f"word {quoted(row[_ID])}, expected word {expected}", where=where)
    if row[_RELATION] in ("", "_"):
        raise DataError("the word has no relation to a head", where=where, kind="empty-label")
    sentence.rows.append(row)


def _close(text: SourceText, sentence: _Rows, document: str | None) -> ParsedSentence | None:
    rows = sentence.rows
    if sentence.wrong or not rows:
        return None
    where = text.at(sentence.numbers[0])
    try:
        heads = tuple(_head(row[_HEAD], len(rows), where) for row in rows)
        check_tree(heads, where)
    except DataError as error:
        text.problem(error, example=sentence.numbers[0])
        return None
    return ParsedSentence(
        sentence.name or text.id(sentence.numbers[0]),
        tuple(row[_FORM] for row in rows),
        heads,
        tuple(row[_RELATION] for row in rows),
        tuple(row[_UPOS] for row in rows),
        tuple(row[_XPOS] for row in rows),
        document,
    )


def _head(value: str, length: int, where: str) -> int:
    is_number = value.isascii() and value.isdecimal() and len(value) < 10
    if not is_number or int(value) > length:
        raise DataError(
            f"the head {quoted(value)} is no word of the sentence that begins here, nor 0",
            where=where,
        )
    return int(value) - 1


def check_tree(heads: Sequence[int], where: str) -> None:
    """Check that heads form one tree; a root has the head -1.

    Raises:
        DataError: there is no root or more than one, or a word is among its own ancestors.
    """
    roots = sum(head < 0 for head in heads)
    if roots != 1:
        raise DataError(f"the sentence that begins here has {roots} roots, not one", where=where)
    reached = [False] * len(heads)  # whether the root is known to be an ancestor
    for start in range(len(heads)):
        path: list[int] = []
        word = start
        while word >= 0 and not reached[word]:
            path.append(word)
            if len(path) > len(heads):
                raise DataError(
                    "a word of the sentence that begins here is its own ancestor", where=where
                )
            word = heads[word]
        for seen in path:
            reached[seen] = True
