"""Pairs of sentences with a marked word each, from the fields of one row."""

from __future__ import annotations

from collections.abc import Sequence

from elmobench.core.errors import DataError
from elmobench.core.quoting import quoted
from elmobench.data.examples import MarkedPair, Sentence, Span
from elmobench.data.label_kinds import LabelForm
from elmobench.data.questions import make_passage
from elmobench.data.readers.base import ReadResult
from elmobench.data.readers.row_examples import EMPTY_FIX, renamed_label
from elmobench.data.readers.tokenizers import SpanTokenizerName


def add_marked_texts(
    result: ReadResult,
    name: str,
    sides: Sequence[tuple[str, int, int]],
    label: str,
    form: LabelForm,
    where: str,
    tokenizer: SpanTokenizerName,
) -> None:
    """Add a :class:`MarkedPair` whose marks are characters ``[start, end)`` of its texts.

    The marked tokens are those that hold any of the characters. Marks that begin or end inside of a
    token are counted.

    Args:
        result: gets the pair.
        name: its id.
        sides: text, start and end of both sentences.
        label: as the file has it.
        form: other names for labels.
        where: file and line.
        tokenizer: how texts are split into tokens.

    Raises:
        DataError: a mark is outside of its text, or holds no token; or see
            :func:`add_marked_tokens`.
    """
    sentences: list[Sentence] = []
    marks: list[Span] = []
    for role, (text, start, end) in zip(("first", "second"), sides, strict=True):
        passage = make_passage(text, tokenizer)
        covered = passage.covering(start, end) if start < end <= len(text) else None
        if covered is None:
            raise DataError(
                f"the mark of the {role} sentence, characters {start} to {end}, is no word of "
                f"{quoted(text)}",
                where=where,
                fix="characters count from 0, and the end is not part of the mark",
            )
        first, last = covered
        if (passage.offsets[first][0], passage.offsets[last][1]) != (start, end):
            result.dropped["marks moved to token borders"] += 1
        sentences.append(passage.tokens)
        marks.append(covered)
    _add(result, name, sentences, marks, label, form, where)


def add_marked_tokens(
    result: ReadResult,
    name: str,
    sides: Sequence[tuple[Sequence[str], int]],
    label: str,
    form: LabelForm,
    where: str,
) -> None:
    """Add a :class:`MarkedPair` whose marks are single tokens.

    Args:
        result: gets the pair.
        name: its id.
        sides: tokens and the index of the marked one, from 0, of both sentences.
        label: as the file has it.
        form: other names for labels.
        where: file and line.

    Raises:
        DataError: there is no such token, a sentence or the label is empty, or see
            :func:`renamed_label`.
    """
    marks: list[Span] = []
    for role, (tokens, index) in zip(("first", "second"), sides, strict=True):
        if not tokens:
            raise DataError(
                f"the {role} sentence is empty", where=where, fix=EMPTY_FIX, kind="empty-text"
            )
        if not 0 <= index < len(tokens):
            raise DataError(
                f"the marked token of the {role} sentence is {index}, counted from 0, of "
                f"{len(tokens)}: {quoted(' '.join(tokens))}",
                where=where,
            )
        marks.append((index, index))
    _add(result, name, [tuple(tokens) for tokens, _ in sides], marks, label, form, where)


def _add(
    result: ReadResult,
    name: str,
    sentences: Sequence[Sentence],
    marks: Sequence[Span],
    label: str,
    form: LabelForm,
    where: str,
) -> None:
    if not label.strip():
        raise DataError("the label is empty", where=where, fix=EMPTY_FIX, kind="empty-label")
    renamed = renamed_label(label, form.names, result.dropped, where)
    first, second = sentences
    result.examples.append(MarkedPair(name, first, second, (marks[0], marks[1]), renamed))
