"""Names for labels that a file states as numbers or truth values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from elmobench.core.errors import DataError
from elmobench.data.label_kinds import NUMBER
from elmobench.tasks.from_files.column_values import plain_name
from elmobench.tasks.from_files.decisions import Decision

_MOST = 1000
_TWO_DECIMALS = re.compile(r"-?[0-9]+\.[0-9]{2,}")
_SCORES = {"score", "scores", "similarity", "relatedness", "sim"}


def are_label_lists(values: Iterable[Any]) -> bool:
    """Whether all values are lists of texts or whole numbers, or null, and some are lists.

    >>> are_label_lists([["a", "b"], [], None]), are_label_lists(["a"]), are_label_lists([[1.5]])
    (True, False, False)
    """
    found = [value for value in values if value is not None]
    return bool(found) and all(
        isinstance(value, list)
        and all(isinstance(one, str | int) and not isinstance(one, bool) for one in value)
        for value in found
    )


def are_decimals(values: Iterable[Any]) -> bool:
    """Whether all labels are numbers, or texts that are, and some have decimals.

    Texts such as ``3.00`` have decimals too; ``3.0`` may be a class that was read as a number once.

    >>> are_decimals(["3.5", "4"]), are_decimals([1, 2]), are_decimals(["3.5", "?"])
    (True, False, False)
    >>> are_decimals(["3.00", "1.00"]), are_decimals(["1.0", "0.0"]), are_decimals([10**400])
    (True, False, False)
    """
    found = {value for value in values if value not in (None, "")}
    if not all(NUMBER.fullmatch(str(value)) for value in found):
        return False
    if any(not isinstance(value, int) and not float(value).is_integer() for value in found):
        return True
    return bool(found) and all(_TWO_DECIMALS.fullmatch(str(value)) for value in found)


def are_scores(values: Iterable[Any], column: str | int) -> bool:
    """Whether labels are numbers in a column whose name says how similar or related texts are.

    >>> are_scores([0, 5], "score"), are_scores([0, 1], "label"), are_scores(["a"], "score")
    (True, False, False)
    """
    found = {str(value) for value in values if value not in (None, "")}
    words = set(plain_name(column).split("_"))
    return bool(words & _SCORES) and all(NUMBER.fullmatch(value) for value in found)


def are_joined(values: Iterable[Any]) -> bool:
    """Whether texts are one or several labels between commas: there are fewer labels than texts.

    >>> are_joined(["2", "7", "2,7", "7,9", "9"]), are_joined(["Paris, France", "Rome"])
    (True, False)
    """
    found = {value for value in values if isinstance(value, str)}
    parts = {part for value in found for part in value.split(",")}
    return 1 < len(parts) < len(found) and all(part and " " not in part for part in parts)


def label_options(
    values: Iterable[Any], names: Sequence[str] | None, column: str | int
) -> tuple[dict[str, Any], Decision | None]:
    """Options of a reader of records that give labels their names, and what was decided.

    Args:
        values: all labels or tags of the files.
        names: the names that the file itself states for its numbers; None if it does not.
        column: where they are, for messages.

    Raises:
        DataError: they are numbers with decimals, which are no classes.
    """
    found = {value for value in values if value is not None}
    if all(isinstance(value, str) for value in found):
        return {}, None
    if any(isinstance(value, float) and not value.is_integer() for value in found):
        example = next(v for v in found if isinstance(v, float) and not v.is_integer())
        raise DataError(
            f"the labels in {column!r} are numbers with decimals, such as {example}, and no "
            "classes",
            fix="--pipeline regression (texts) or pair-regression (pairs) predicts numbers; or "
            "give another column with --column label=NAME",
        )
    what = "names of labels"
    numbers = {v for v in found if isinstance(v, int) and not isinstance(v, bool)}
    options: dict[str, Any] = {}
    if numbers == found:
        if -1 in numbers:
            options["no_label"] = -1
            numbers -= {-1}
        if names is not None and numbers <= set(range(len(names))):
            why = "the file states the names of its numbers"
            return {**options, "names": list(names)}, Decision(what, ", ".join(names), why)
        if numbers == set(range(len(numbers))) and len(numbers) <= _MOST:
            kept = [str(number) for number in sorted(numbers)]
            why = "the file has numbers; write their names into 'names', in this order"
            return {**options, "names": kept}, Decision(what, ", ".join(kept), why)
    written = {_written(value): _name(value) for value in sorted(found - {-1}, key=str)}
    why = "values that are no text; give them names in 'map'"
    return {**options, "map": written}, Decision(what, ", ".join(written.values()), why)


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _name(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) else _written(value)
