"""What the values of a column look like: texts, lists of tokens, tags, labels."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from elmobench.data.blanks import split_blanks
from elmobench.data.tag_schemes import detected_scheme
from elmobench.tasks.from_files.split_files import split_of_word

Columns = Mapping[str | int, Sequence[Any]]
"""The values of each column or field of a file."""

TEXTS = (
    *("text", "sentence", "review", "content", "body", "tweet", "comment", "message", "utterance"),
    *("document", "review_text", "review_body", "sentence_text", "full_text", "question", "title"),
)
"""Names that columns of texts have, the usual ones first."""
TOKENS = ("tokens", "words", "token", "sentence", "text")
"""Names that columns of tokens have."""


def plain_name(name: str | int) -> str:
    """The last part of a column's name, in small letters and with ``_`` between words."""
    return re.sub(r"[^a-z0-9]+", "_", str(name).rsplit(".", 1)[-1].lower()).strip("_")


def named_column(
    columns: Columns,
    names: Sequence[str],
    fits: Callable[[Sequence[Any]], bool] = lambda values: True,
) -> str | int | None:
    """The first column with one of these names, in their order, whose values fit."""
    for name in names:
        for column, values in columns.items():
            if plain_name(column) == name and fits(values):
                return column
    return None


def parts_of(value: Any) -> Sequence[Any] | None:
    """The parts of a list, or the words of a text."""
    if isinstance(value, list):
        return None if any(isinstance(one, dict | list) for one in value) else value
    return split_blanks(value) if isinstance(value, str) else None


def looks_like_tags(values: Sequence[Any]) -> bool:
    """Whether texts are tags of spans with blanks between them."""
    sentences = [split_blanks(value) for value in values if isinstance(value, str)]
    if len(sentences) < len(values):
        return False
    tags = [tag for sentence in sentences for tag in sentence]
    return len(set(tags)) <= max(2, len(tags) // 10) and detected_scheme(sentences) is not None


def is_some(values: Sequence[Any], kind: type) -> bool:
    """Whether there are values, and all are of this type."""
    known = [value for value in values if value is not None]
    return bool(known) and all(isinstance(value, kind) for value in known)


def is_token_list(values: Sequence[Any]) -> bool:
    """Whether all values are lists of strings."""
    return is_some(values, list) and all(
        isinstance(token, str) for value in values if value is not None for token in value
    )


def is_text(values: Sequence[Any]) -> bool:
    """Whether the values may be texts: strings, or lists of tokens."""
    return is_token_list(values) or (is_some(values, str) and mean_length(values) > 0)


def is_label(values: Sequence[Any]) -> bool:
    """Whether the values may be labels."""
    return all(isinstance(value, str | int | float | None) for value in values)


def mean_length(values: Sequence[Any]) -> float:
    """The average length of texts or lists."""
    return sum(len(value) for value in values if value is not None) / max(1, len(values))


def distinct(values: Sequence[Any]) -> int:
    """How many different values there are, not counting empty ones."""
    found = (repr(value) if isinstance(value, list | dict) else value for value in values)
    return len({value for value in found if value not in (None, "")})


def shown_values(values: Sequence[Any]) -> str:
    """The first different values, for messages."""
    found = sorted({str(value) for value in values if value is not None})
    return ", ".join(found[:6]) + (", …" if len(found) > 6 else "")


def with_paths(columns: Columns, paths: Iterable[str | int]) -> dict[str | int, list[Any]]:
    """The columns, and those that paths such as ``labels.0`` name inside of lists."""
    found = {name: list(values) for name, values in columns.items()}
    for path in paths:
        column, _, rest = str(path).partition(".")
        if path in found or column not in found or not rest:
            continue
        values: list[Any] = found[column]
        for part in rest.split("."):
            values = [_inside(value, part) for value in values]
        if any(value is not None for value in values):
            found[path] = values
    return found


def _inside(value: Any, part: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(part)
    if isinstance(value, list) and part.isdecimal() and len(part) < 4:
        return value[int(part)] if int(part) < len(value) else None
    return None


def split_column(columns: Columns) -> tuple[str, dict[str, str]]:
    """The column that states the split of each row, and its value for each; empty for none."""
    for column, values in columns.items():
        words = {str(value) for value in values}
        splits = {split_of_word(word): word for word in sorted(words)}
        is_named = isinstance(column, str) and any(
            part in ("split", "set", "partition", "subset", "fold", "usage")
            for part in plain_name(column).split("_")
        )
        if is_named and "train" in splits and None not in splits and len(splits) == len(words):
            return str(column), {str(split): word for split, word in splits.items()}
    return "", {}


def judgement_column(columns: Columns) -> str | int | None:
    """The column in which Prodigy notes whether a record was accepted."""
    judged = {"accept", "reject", "ignore"}
    for column, values in columns.items():
        found = {value for value in values if isinstance(value, str)}
        if "accept" in found and found <= judged and len(found) > 1:
            return column
    return None
