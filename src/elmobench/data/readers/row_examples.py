"""Examples from the fields of one row, for every reader of tables, JSON and parquet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from elmobench.core.errors import DataError
from elmobench.core.quoting import quoted, shortened
from elmobench.data.examples import (
    ClassifiedText,
    LabelledText,
    RatedPair,
    RatedText,
    SentencePair,
)
from elmobench.data.label_kinds import LabelForm, number_of
from elmobench.data.questions import Answer, Passage
from elmobench.data.readers.base import ReadResult
from elmobench.data.text_checks import check_label

EMPTY_FIX = "complete the row, or remove it"
STRIP_FIX = "remove them from the data, or set the reader's option strip: true"


def renamed_label(label: str, names: Mapping[str, str], dropped: Counter[str], where: str) -> str:
    """A label by the name that ``names`` gives it, checked; renamed labels are counted.

    Raises:
        DataError: the name has blanks around it, or a control character.
    """
    renamed = names.get(label, label)
    check_label(renamed, where, STRIP_FIX)
    if label in names:
        dropped[f"label {label} renamed {renamed}"] += 1
    return renamed


def add_text(
    result: ReadResult,
    name: str,
    tokens: Sequence[str],
    label: str,
    form: LabelForm,
    where: str,
) -> None:
    """Add a :class:`ClassifiedText`, :class:`LabelledText` or :class:`RatedText` to ``result``.

    Args:
        result: gets the text.
        name: its id.
        tokens: the text.
        label: as the file has it.
        form: what the label must be, and how it is written.
        where: file and line.

    Raises:
        DataError: the text or the label is empty, the label is not of its kind, or see
            :func:`renamed_label`.
    """
    if form.kind == "set":
        add_label_set(result, name, tokens, form.split(label), form, where)
        return
    if not tokens or not label.strip():
        what = "label" if tokens else "text"
        raise DataError(f"the {what} is empty", where=where, fix=EMPTY_FIX, kind=f"empty-{what}")
    renamed = renamed_label(label, form.names, result.dropped, where)
    if form.kind == "number":
        result.examples.append(RatedText(name, tuple(tokens), number_of(renamed, where)))
    else:
        result.examples.append(ClassifiedText(name, tuple(tokens), renamed))


def add_label_set(
    result: ReadResult,
    name: str,
    tokens: Sequence[str],
    labels: Sequence[str],
    form: LabelForm,
    where: str,
) -> None:
    """Add a :class:`LabelledText` to ``result``.

    Raises:
        DataError: the text or a label is empty, a label appears twice, or see
            :func:`renamed_label`.
    """
    if not tokens:
        raise DataError("the text is empty", where=where, fix=EMPTY_FIX, kind="empty-text")
    renamed = tuple(renamed_label(label, form.names, result.dropped, where) for label in labels)
    twice = next((label for label in renamed if renamed.count(label) > 1), None)
    if twice is not None:
        raise DataError(f"the label {quoted(twice)} appears twice", where=where, fix="remove one")
    result.examples.append(LabelledText(name, tuple(tokens), renamed))


def add_pair(
    result: ReadResult,
    name: str,
    sentences: Mapping[str, Callable[[], Sequence[str]]],
    label: str,
    form: LabelForm,
    where: str,
) -> None:
    """Add a :class:`SentencePair` or :class:`RatedPair` to ``result``.

    Args:
        result: gets the pair.
        name: its id.
        sentences: what splits ``premise`` and ``hypothesis`` into tokens.
        label: as the file has it.
        form: what the label must be, and how it is written.
        where: file and line.

    Raises:
        DataError: a sentence or the label is empty, the label is not of its kind, or see
            :func:`renamed_label`.
    """
    if not label.strip():
        raise DataError("the label is empty", where=where, fix=EMPTY_FIX, kind="empty-label")
    tokens = []
    for role, split in sentences.items():
        tokens.append(tuple(split()))
        if not tokens[-1]:
            raise DataError(f"the {role} is empty", where=where, fix=EMPTY_FIX, kind="empty-text")
    renamed = renamed_label(label, form.names, result.dropped, where)
    if form.kind == "number":
        result.examples.append(RatedPair(name, tokens[0], tokens[1], number_of(renamed, where)))
    else:
        result.examples.append(SentencePair(name, tokens[0], tokens[1], renamed))


def answer_in(
    passage: Passage,
    text: str,
    start: Any,
    dropped: Counter[str],
    where: str,
    *,
    fix: str,
    drop_wrong: bool = False,
) -> Answer | None:
    """An annotated answer with its tokens, which are those that hold any of its characters.

    Args:
        passage: what is asked about.
        text: the answer.
        start: the number of its first character, as the file has it.
        dropped: counts answers that were moved to token borders or, with ``drop_wrong``, are not
            at their offset.
        where: file and line, or path.
        fix: what the user can do about answers that are not at their offset.
        drop_wrong: whether an answer that is not at its offset is None instead of an error.

    Raises:
        DataError: ``start`` is no number, or the answer is not there.
    """
    if not isinstance(start, int) or isinstance(start, bool):
        raise DataError(
            f"expected a number in 'answer_start', got {quoted(str(start))}", where=where
        )
    end = start + len(text)
    covered = passage.covering(start, end)
    if start < 0 or not text or passage.text[start:end] != text or covered is None:
        if not drop_wrong:
            raise _not_found(passage, text, start, where, fix)
        dropped["answers not at their offset"] += 1
        return None
    first, last = covered
    if (passage.offsets[first][0], passage.offsets[last][1]) != (start, end):
        dropped["answers moved to token borders"] += 1
    return Answer(text, start, first, last)


def _not_found(passage: Passage, text: str, start: int, where: str, fix: str) -> DataError:
    bare = text.strip()
    first_bare = start + len(text) - len(text.lstrip())
    has_bare = (
        bool(bare) and start >= 0 and passage.text[first_bare : first_bare + len(bare)] == bare
    )
    return DataError(
        f"{quoted(text)} is not at character {shortened(str(start))} of the passage"
        + (", but is without the blanks at its ends" if has_bare else ""),
        where=where,
        fix=fix,
        kind="blank-at-end-of-answer" if has_bare else "answer-not-found",
    )
