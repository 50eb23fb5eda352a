"""Which fields of records hold labelled spans, and what their parts are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from elmobench.tasks.from_files.column_values import (
    TEXTS,
    TOKENS,
    Columns,
    is_some,
    is_token_list,
    mean_length,
    named_column,
)
from elmobench.tasks.from_files.decisions import Fields, reason_for

_SPANS = ("spans", "entities", "ents", "labels", "label", "annotations")
_DEFAULTS = {"span_start": "start", "span_end": "end", "span_label": "label"}
_STARTS = ("start", "start_offset", "begin", "from")
_ENDS = ("end", "end_offset", "stop", "to")
_LABELS = ("label", "type", "entity", "tag", "entity_type", "category", "class")


def text_spans(columns: Columns, stated: Mapping[str, str | int]) -> Fields | None:
    """The columns of a text and of spans of its characters; None if there are none."""
    text = stated.get("text", named_column(columns, TEXTS, lambda values: is_some(values, str)))
    if text is None:
        texts = [name for name, values in columns.items() if is_some(values, str)]
        text = max(texts, key=lambda name: mean_length(columns[name]), default=None)
    return _spans("text", text, columns, stated)


def token_spans(columns: Columns, stated: Mapping[str, str | int]) -> Fields | None:
    """The columns of tokens and of spans of tokens; None if there are none."""
    tokens = stated.get("tokens", named_column(columns, TOKENS, is_token_list))
    return _spans("tokens", tokens, columns, stated)


def label_studio_results(columns: Columns) -> tuple[str, list[Any]] | None:
    """Path and values of the results in an export of Label Studio; None for other files.

    A task of Label Studio has ``annotations``, one of each annotator, with a list ``result``.
    """
    for column, values in columns.items():
        if values and all(
            isinstance(value, list)
            and len(value) == 1
            and isinstance(value[0], dict)
            and isinstance(value[0].get("result"), list)
            for value in values
        ):
            return f"{column}.0.result", [value[0]["result"] for value in values]
    return None


def _spans(
    role: str, column: str | int | None, columns: Columns, stated: Mapping[str, str | int]
) -> Fields | None:
    spans = stated.get(
        "spans", named_column(columns, _SPANS, lambda values: bool(_span_names(values)))
    )
    values = None if spans is None else columns[spans]
    if spans is None and role == "text":
        spans, values = label_studio_results(columns) or (None, None)
    names = None if values is None else _span_names(values)
    if column is None or spans is None or (names is None and "spans" not in stated):
        return None
    fields = Fields()
    fields.choose(role, column, reason_for(role, stated))
    fields.choose("spans", spans, reason_for("spans", stated, "a list of spans with start and end"))
    for (option, default), name in zip(_DEFAULTS.items(), names or (), strict=False):
        if name != default:
            fields.options[option] = name
    return fields


def _span_names(values: Sequence[Any]) -> tuple[str, ...] | None:
    """The names of start, end and label of spans, which lists do not need; None for other values.

    Label Studio has them in an object ``value``, and the label in a list ``labels`` of one.
    """
    spans = [span for value in values if isinstance(value, list) for span in value]
    if not spans:
        return None
    if all(_is_list_span(span) for span in spans):
        return tuple(_DEFAULTS.values())
    if not all(isinstance(span, dict) for span in spans):
        return None
    if all(isinstance(span.get("value"), dict) for span in spans):
        inner = _object_names([span["value"] for span in spans])
        return None if inner is None else tuple(f"value.{name}" for name in inner)
    return _object_names(spans)


def _is_list_span(span: Any) -> bool:
    return (
        isinstance(span, list)
        and len(span) == 3
        and all(isinstance(one, int) for one in span[:2])
        and isinstance(span[2], str)
    )


def _object_names(spans: Sequence[Mapping[str, Any]]) -> tuple[str, str, str] | None:
    keys = set.intersection(*(set(span) for span in spans))
    start, end, label = (
        next((name for name in names if name in keys), None) for names in (_STARTS, _ENDS, _LABELS)
    )
    if label is None and all(isinstance(span.get("labels"), list) for span in spans):
        label = "labels.0"
    return None if start is None or end is None or label is None else (start, end, label)
