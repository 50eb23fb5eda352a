"""Labelled spans of characters or tokens as BIO tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from elmobench.core.errors import DataError
from elmobench.core.quoting import quoted
from elmobench.data.questions import Passage
from elmobench.data.readers.column_rows import check_tag
from elmobench.data.readers.record_options import RecordOptions
from elmobench.data.readers.record_values import Record, kind_of
from elmobench.data.readers.row_examples import EMPTY_FIX, STRIP_FIX

_MOVED = "spans moved to token borders"


def span_tags(record: Record, options: RecordOptions, tokens: Sequence[str]) -> list[str]:
    """BIO tags for the spans of tokens of a record.

    Raises:
        DataError: a span is not one, is outside of the tokens, or shares a token with another.
    """
    tags = ["O"] * len(tokens)
    for place, start, end, label in _spans(record, options):
        if not start < end <= len(tokens):
            raise DataError(
                f"the span of tokens {start} to {end} ({quoted(label)}) is outside of the "
                f"{len(tokens)} tokens, or empty",
                where=place,
                fix="check 'span_end_inclusive', and that the spans count tokens from 0",
            )
        _mark(tags, start, end, label, place)
    return tags


def character_span_tags(
    record: Record, options: RecordOptions, passage: Passage, dropped: Counter[str]
) -> list[str]:
    """BIO tags for the spans of characters of a record.

    A token belongs to a span that holds any of its characters; spans that hold a part of a token
    are counted as moved to token borders.

    Raises:
        DataError: a span is not one, is outside of the text, holds no token, or shares a token
            with another.
    """
    tags = ["O"] * len(passage.tokens)
    for place, start, end, label in _spans(record, options):
        covered = passage.covering(start, end) if start < end else None
        if covered is None or end > len(passage.text):
            raise DataError(
                f"the span of characters {start} to {end} ({quoted(label)}) is outside of the "
                f"text of {len(passage.text)} characters, or holds no token",
                where=place,
                fix="check 'span_end_inclusive', and that the spans count characters from 0",
            )
        first, last = covered
        if (passage.offsets[first][0], passage.offsets[last][1]) != (start, end):
            dropped[_MOVED] += 1
        _mark(tags, first, last + 1, label, place)
    return tags


def _spans(record: Record, options: RecordOptions) -> Iterator[tuple[str, int, int, str]]:
    """Yield the place, the start, the end (not part of the span) and the label of each span."""
    values = record.value(options.spans or "spans")
    if values is None:
        return
    if not isinstance(values, list):
        raise DataError(
            f"spans: holds {kind_of(values)}, expected a list",
            where=record.where,
            fix="a span is an object with its start, end and label, or a list of these",
        )
    for number, value in enumerate(values, start=1):
        span = record.inside(_as_object(value, options, record, number), f"span {number}")
        start = span.index(options.span_start, "start")
        end = span.index(options.span_end, "end") + options.span_end_inclusive
        label = span.named(span.value(options.span_label), "label", span.where)
        if not label.strip():
            raise DataError(
                "the label is empty", where=span.where, fix=EMPTY_FIX, kind="empty-label"
            )
        check_tag(label, span.where, STRIP_FIX)
        yield span.where, start, end, label


def _as_object(
    value: Any, options: RecordOptions, record: Record, number: int
) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list) and len(value) == 3:
        names = (options.span_start, options.span_end, options.span_label)
        return dict(zip(names, value, strict=True))
    raise DataError(
        "a span is an object with its start, end and label, or a list of these three",
        where=f"{record.where}, span {number}",
        fix="state the names of their fields: span_start, span_end and span_label",
    )


def _mark(tags: list[str], start: int, end: int, label: str, place: str) -> None:
    """Write the tags of one span. Raises DataError if another span has one of its tokens."""
    if any(tag != "O" for tag in tags[start:end]):
        raise DataError(
            f"the span {quoted(label)} shares a token with another span",
            where=place,
            fix="one token has one tag: remove one of the spans, or split the text at the border",
            kind="overlapping-spans",
        )
    tags[start:end] = [f"B-{label}", *[f"I-{label}"] * (end - start - 1)]
