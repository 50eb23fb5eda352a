"""Flags of runs that might have scored higher: a choice at a grid's edge, a rising dev score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from elmobench.tasks.head import TrainingOptions
from elmobench.tracking.record import RunRecord


@dataclass(frozen=True)
class RunFlags:
    """What a record says about its search and its training.

    Attributes:
        edges: searched options whose chosen value is the smallest or the largest of the grid, with
            that value. Zero is no edge: no dropout can be below it.
        rising: whether the best dev epoch is the last one that was allowed.
    """

    edges: dict[str, float]
    rising: bool

    @property
    def notes(self) -> list[str]:
        """The flags in sentences."""
        notes = [
            f"the search chose {name} = {value:g}, an edge of its grid: a wider one may be better"
            for name, value in self.edges.items()
        ]
        if self.rising:
            notes.append("the best dev epoch is the last one allowed: more may be better")
        return notes


def run_flags(record: RunRecord) -> RunFlags:
    """The flags of a record, of this version or an earlier one."""
    if record.result is None:
        return RunFlags({}, rising=False)
    selection = record.result.selection or {}
    edges = _edges(selection)
    training = record.identity.get("training")
    rising = False
    if isinstance(training, dict) and len(record.result.curve) > 1:
        # An identity leaves out options that have their default, and has no chosen values.
        default = training.get("epochs", TrainingOptions().epochs)
        limit = selection.get("chosen", {}).get("training.epochs", default)
        rising = record.result.best_epoch == len(record.result.curve) == limit
    return RunFlags(edges, rising)


def _edges(selection: dict[str, Any]) -> dict[str, float]:
    chosen = selection.get("chosen", {})
    tried = [row["candidate"] for row in selection.get("dev", [])]
    edges = {}
    for name, value in chosen.items():
        values = {candidate[name] for candidate in tried}
        if len(values) > 1 and value != 0 and value in (min(values), max(values)):
            edges[name] = value
    return edges
