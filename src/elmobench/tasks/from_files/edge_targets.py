"""Files in the JSON format of edge probing: how they are known, and what a card states of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from elmobench.core.errors import ConfigError
from elmobench.data.readers.edge_json import LABEL, SPANS, TARGETS, TEXT
from elmobench.tasks.from_files.decisions import Decision, Proposal

READER = "edge-probing-json"
PIPELINE = "edges"


def has_edges(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether records are those of edge probing: texts with targets, which have a first span."""
    targets = [target for row in rows for target in _list(row.get(TARGETS))]
    return (
        bool(targets)
        and all(isinstance(row.get(TEXT), str) and TARGETS in row for row in rows)
        and all(isinstance(target, dict) and SPANS[0] in target for target in targets)
    )


def edge_proposal(
    rows: Sequence[Mapping[str, Any]],
    pipeline: str | None,
    stated: Mapping[str, str | int],
    name: str,
) -> Proposal:
    """Propose the pipeline ``edges`` for records of edge probing.

    Args:
        rows: the records of train.
        pipeline: what the user states; None if nothing.
        stated: columns that the user states, by role.
        name: the file's name in errors.

    Raises:
        ConfigError: another pipeline, or a column, is stated.
    """
    if stated or pipeline not in (None, PIPELINE):
        raise ConfigError(
            "a file in the format of edge probing has no columns to choose, and is of the pipeline "
            f"{PIPELINE}",
            where=name,
            fix=f"leave out --column and --pipeline, or state --pipeline {PIPELINE}",
        )
    targets = [target for row in rows for target in _list(row.get(TARGETS))]
    pairs = sum(SPANS[1] in target for target in targets)
    numbers = [len(_list(target.get(LABEL, []))) for target in targets]
    spans = "two spans" if pairs == len(targets) else "one span"
    if 0 < pairs < len(targets):
        spans = "one span or two, which must become two tasks"
    labels = "one label" if set(numbers) == {1} else f"{min(numbers)} to {max(numbers)} labels"
    found = Proposal(PIPELINE, READER, {}, {})
    found.decisions.append(
        Decision("pipeline", PIPELINE, f"its {len(targets):,} targets have {spans}, and {labels}")
    )
    return found


def _list(value: Any) -> list[Any]:
    """``value`` if it is a list; otherwise a list of it, empty for None."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]
