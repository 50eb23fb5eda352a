"""Selection of cells by task, features, head, seed and further axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from elmobench.core.errors import UnknownNameError
from elmobench.core.registry import did_you_mean
from elmobench.tracking.record import RunRecord


class CellSelection:
    """Select records by the values of their axes.

    Args:
        records: the records to select from.
    """

    def __init__(self, records: Sequence[RunRecord]) -> None:
        self._records = records

    def some(self, **axes: Any) -> list[RunRecord]:
        """Records with these values; a list allows any of its values.

        Raises:
            UnknownNameError: if a value is unknown or no record has all of them.
        """
        wanted = as_text(axes)
        for name, values in wanted.items():
            for value in values:
                self._check_value(name, value)
        kept = [
            record
            for record in self._records
            if all(_value(record, name) in values for name, values in wanted.items())
        ]
        if not kept:
            raise UnknownNameError(f"no cell with {axes_text(axes)}")
        return kept

    def one_kind(self, **axes: Any) -> list[RunRecord]:
        """Records with these values, which may differ only in the seed.

        Raises:
            UnknownNameError: if there are none, or they differ in more than the seed.
        """
        kept = self.some(**axes)
        kinds = {
            frozenset([f"head {r.head}", *(f"{k} {v}" for k, v in r.axes.items())]) for r in kept
        }
        if len(kinds) > 1:
            varied = sorted(frozenset.union(*kinds) - frozenset.intersection(*kinds))
            raise UnknownNameError(
                f"cells of several kinds with {axes_text(axes)}: {', '.join(varied)}",
                fix="name the values of head and further axes",
            )
        return kept

    def _check_value(self, name: str, value: str) -> None:
        known = list(dict.fromkeys(_value(record, name) for record in self._records))
        if value not in known:
            raise UnknownNameError(
                f"no cell with {name} {value!r}",
                fix=did_you_mean(value, known),
            )


def _value(record: RunRecord, name: str) -> str:
    if name in ("task", "features", "head", "seed", "pipeline"):
        return str(getattr(record, name))
    return str(record.axes.get(name, ""))


def as_text(axes: dict[str, Any]) -> dict[str, list[str]]:
    """Wanted values of each axis, as text."""
    return {
        name: [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]
        for name, value in axes.items()
    }


def axes_text(axes: dict[str, Any]) -> str:
    """Format the wanted values for an error message."""
    return ", ".join(f"{name} {value}" for name, value in axes.items())
