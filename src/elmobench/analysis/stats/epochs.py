"""How soon a run is as good as another: sample efficiency in updates (paper, section 5.4)."""

from __future__ import annotations

from elmobench.analysis.stats.differences import Difference, TallyCache
from elmobench.tracking.record import Result


def passing_epoch(ours: Result, theirs: Result) -> int | None:
    """The first epoch in which ``ours`` is as good on dev as ``theirs`` ever is; None if never."""
    best = max(row.dev for row in theirs.curve)
    return next((row.epoch for row in ours.curve if row.dev >= best), None)


def epochs_saved(ours: Result, theirs: Result) -> int:
    """Epochs of ``theirs`` to its best on dev, less those of ``ours`` to be as good.

    Where ``ours`` never is, it counts as if the epoch after the last of both were the one: later
    than any that was looked at.
    """
    passed = passing_epoch(ours, theirs)
    if passed is None:
        passed = 1 + max(ours.curve[-1].epoch, theirs.curve[-1].epoch)
    return theirs.best_epoch - passed


def comparable(row: Difference, counts: TallyCache) -> list[tuple[Result, Result]]:
    """The results that ``row`` compares; none at all where their epochs cannot be compared.

    Both must have trained for several epochs, with the same options: a learning rate that a search
    chose for one of them changes its number of epochs.
    """
    pairs = [(counts.by_cell[ours], counts.by_cell[theirs]) for ours, theirs in row.cells]
    results = [(a.result, b.result) for a, b in pairs if a.result and b.result]
    alike = all(
        min(len(a.curve), len(b.curve)) > 1 and _chosen(a) == _chosen(b) for a, b in results
    )
    return results if alike else []


def _chosen(result: Result) -> object:
    return result.selection["chosen"] if result.selection else None
