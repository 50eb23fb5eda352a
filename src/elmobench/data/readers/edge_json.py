"""Edges in the JSON lines of edge probing, as jiant reads and writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from elmobench.core.errors import DataError
from elmobench.core.quoting import quoted
from elmobench.data.blanks import split_blanks
from elmobench.data.examples import Edge, EdgeText, Span
from elmobench.data.readers.base import Reader, ReaderOptions, ReadResult, SourceText
from elmobench.data.readers.json_records import json_records
from elmobench.data.readers.record_values import kind_of
from elmobench.data.readers.row_examples import EMPTY_FIX, renamed_label

TEXT, TARGETS, SPANS, LABEL = "text", "targets", ("span1", "span2"), "label"
_SPAN_FIX = "a span is the number of its first token, from 0, and of the token after its last one"


class EdgeJsonOptions(ReaderOptions):
    """Options of the ``edge-probing-json`` reader."""

    map: dict[str, str] = Field(default_factory=dict)
    """Other names for labels, for example ``{"0": different, "1": same}``."""


class EdgeJsonReader(Reader[EdgeJsonOptions]):
    """Gives one :class:`EdgeText` per line that has a target.

    A line is one JSON object::

        {"text": "Ann saw Bob .", "targets": [{"span1": [1, 2], "span2": [0, 1], "label": "ARG0"}]}

    Tokens are separated by blanks. ``span1`` and ``span2`` are tokens ``[start, end)``; targets of
    one span have no ``span2``. ``label`` is a string, a whole number, true or false, or a list of
    them, which may be empty. Other fields, such as ``info``, are not read. Texts without a target
    are counted.

    Source: Tenney et al. 2019 and the folder ``probing`` of jiant 1.
    """

    name: ClassVar[str] = "edge-probing-json"
    version: ClassVar[int] = 1
    options_type = EdgeJsonOptions
    droppable = ("empty-text", "empty-label")

    def read(self, text: SourceText, options: EdgeJsonOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        result = ReadResult([])
        sides: int | None = None
        for number, where, record in json_records(text, None, (TEXT, TARGETS), result.dropped):
            try:
                tokens = tuple(split_blanks(_text(record, where)))
                targets = _targets(record, where)
                if not targets:
                    result.dropped["texts without a target"] += 1
                    continue
                sides = sides or (2 if SPANS[1] in targets[0] else 1)
                edges = tuple(
                    _edge(target, sides, len(tokens), options.map, result, f"{where}, target {i}")
                    for i, target in enumerate(targets, start=1)
                )
                result.examples.append(EdgeText(text.id(number), (tokens,), edges))
            except DataError as error:
                text.problem(error, example=number)
        return result


def _text(record: Mapping[str, Any], where: str) -> str:
    text = record.get(TEXT)
    if not isinstance(text, str):
        raise DataError(f"expected a text in the field {TEXT!r}, got {kind_of(text)}", where=where)
    if not text.strip():
        raise DataError("the text is empty", where=where, fix=EMPTY_FIX, kind="empty-text")
    return text


def _targets(record: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    targets = record.get(TARGETS)
    if not isinstance(targets, list) or not all(isinstance(one, dict) for one in targets):
        raise DataError(
            f"expected a list of objects in the field {TARGETS!r}, got {kind_of(targets)}",
            where=where,
        )
    return targets


def _edge(
    target: Mapping[str, Any],
    sides: int,
    length: int,
    names: Mapping[str, str],
    result: ReadResult,
    where: str,
) -> Edge:
    """One target as an edge of ``sides`` spans, in a text of ``length`` tokens."""
    if (SPANS[1] in target) != (sides == 2):
        has = "has" if sides == 1 else "lacks"
        raise DataError(
            f"{has} the field {SPANS[1]!r}, unlike the first target of the file",
            where=where,
            fix="the targets of a task all have one span, or all have two",
        )
    labels = _labels(target, where)
    renamed = tuple(renamed_label(label, names, result.dropped, where) for label in labels)
    twice = next((label for label in renamed if renamed.count(label) > 1), None)
    if twice is not None:
        raise DataError(f"the label {quoted(twice)} appears twice", where=where, fix="remove one")
    spans = tuple(_span(target.get(field), field, length, where) for field in SPANS[:sides])
    return Edge(spans, renamed)


def _span(value: Any, field: str, length: int, where: str) -> Span:
    is_pair = isinstance(value, list) and len(value) == 2
    if not is_pair or not all(type(number) is int for number in value):
        raise DataError(
            f"expected two whole numbers in the field {field!r}, got {quoted(repr(value))}",
            where=where,
            fix=_SPAN_FIX,
        )
    start, end = value
    if not 0 <= start < end <= length:
        raise DataError(
            f"the span {quoted(repr(value))} in the field {field!r} is no part of the text's "
            f"{length} tokens",
            where=where,
            fix=_SPAN_FIX,
        )
    return start, end - 1


def _labels(target: Mapping[str, Any], where: str) -> list[str]:
    if LABEL not in target:
        raise DataError(f"the field {LABEL!r} is missing", where=where)
    value = target[LABEL]
    labels = []
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, bool):
            labels.append(str(one).lower())
        elif isinstance(one, str | int):
            labels.append(str(one))
        else:
            raise DataError(
                f"expected labels in the field {LABEL!r}, got {kind_of(one)}",
                where=where,
                fix="a label is a string, a whole number, true or false, or a list of them",
            )
        if not labels[-1].strip():
            raise DataError("the label is empty", where=where, fix=EMPTY_FIX, kind="empty-label")
    return labels


READER = EdgeJsonReader()
