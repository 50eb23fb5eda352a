"""Which column of a file holds the labels."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from elmobench.tasks.from_files.column_values import (
    Columns,
    distinct,
    is_label,
    is_some,
    plain_name,
    shown_values,
)
from elmobench.tasks.from_files.decisions import Fields, reason_for
from elmobench.tasks.from_files.labels import are_decimals, are_label_lists
from elmobench.tasks.from_files.span_fields import label_studio_results

LABELS = (
    *("label", "label_text", "label_name", "labels", "class", "category", "sentiment", "target"),
    *("polarity", "gold_label", "gold", "intent", "emotion", "stars", "rating", "coarse_label"),
    *("relatedness", "entailment_judgment", "entailment_label", "quality"),
)
_FEW = 50
"""More labels than this are no classes, unless a column is called a label."""


def choose_label(
    fields: Fields, columns: Columns, stated: Mapping[str, str | int], taken: Collection[Any]
) -> None:
    """Choose the column of labels: by its name, or the only one with few values."""
    if "label" in stated:
        fields.choose("label", stated["label"], reason_for("label", stated))
        return
    named = [
        column
        for name in LABELS
        for column in columns
        if column not in taken and plain_name(column) == name and is_label(columns[column])
    ]
    # Names are better than their numbers, which some files state in another column.
    texts = [column for column in named if is_some(columns[column], str)]
    if named:
        fields.choose("label", (texts or named)[0], "by its name")
        return
    lists = [
        column
        for name in LABELS
        for column in columns
        if column not in taken
        and plain_name(column) == name
        and are_label_lists(columns[column])
        and any(len(value) != 1 for value in columns[column] if value is not None)
    ]
    if lists and "text" in fields.columns:
        fields.choose("label", lists[0], "by its name; it holds lists of labels")
        return
    few = [
        column
        for column, values in columns.items()
        if column not in taken
        and is_label(values)
        and 2 <= distinct(values) <= _FEW
        and distinct(values) <= len(values) / 2
    ]
    if len(few) == 1:
        fields.choose(
            "label", few[0], f"the only column with few values ({shown_values(columns[few[0]])})"
        )
        return
    decimals = [
        column
        for column, values in columns.items()
        if column not in taken and not few and is_label(values) and are_decimals(values)
    ]
    if len(decimals) == 1:
        fields.choose("label", decimals[0], "the only column of numbers with decimals")
        return
    single = _single_labels(columns) if not few else None
    if single is not None:
        fields.choose("label", single, "a list of one label in each record")
        return
    options = few or [column for column in columns if column not in taken]
    why = f"one of {', '.join(map(str, options)) or 'no column'}"
    marks = [c for c in few if {str(value) for value in columns[c]} <= {"0", "1"}]
    if len(marks) > 1:
        why += "; for several labels per text, --pipeline multilabel and --reader indicator-table "
        why += "instead of --from write a card for columns of 0 and 1"
    fields.choose("label", None, why)


def _single_labels(columns: Columns) -> str | None:
    """The path of labels that are lists of one, as exports of annotation tools have them."""
    found = {
        f"{column}.0": [value[0] for value in values]
        for column, values in columns.items()
        if values and all(isinstance(v, list) and len(v) == 1 for v in values)
    }
    results = label_studio_results(columns)
    if results is not None and all(len(one) == 1 for one in results[1]):
        choices = [one[0].get("value", {}).get("choices", ()) for one in results[1]]
        if all(len(one) == 1 for one in choices):
            found[f"{results[0]}.0.value.choices.0"] = [one[0] for one in choices]
    fitting = [
        path
        for path, values in found.items()
        if is_some(values, str) and 2 <= distinct(values) <= min(_FEW, len(values) / 2)
    ]
    return fitting[0] if len(fitting) == 1 else None
