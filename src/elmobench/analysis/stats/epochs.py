"""How many epochs a run needs to reach another's best dev score (paper, section 5.4)."""

from __future__ import annotations

from elmobench.analysis.stats.difference_row import Difference
from elmobench.analysis.stats.tallies import TallyCache
from elmobench.tracking.record import Result


def passing_epoch(ours: Result, theirs: Result) -> int | None:
    """The first epoch in which ``ours`` reaches the best dev score of ``theirs``; None if never."""
    best = max(row.dev for row in theirs.curve)
    return next((row.epoch for row in ours.curve if row.dev >= best), None)


def epochs_saved(ours: Result, theirs: Result) -> int:
    """Best dev epoch of ``theirs`` minus the epoch in which ``ours`` reaches that score.

    If ``ours`` never reaches it, it counts as one epoch after the longer run.
    """
    passed = passing_epoch(ours, theirs)
    if passed is None:
        passed = 1 + max(ours.curve[-1].epoch, theirs.curve[-1].epoch)
    return theirs.best_epoch - passed


def comparable_results(row: Difference, tallies: TallyCache) -> list[tuple[Result, Result]]:
    """The pairs of results that ``row`` compares; empty if their epochs cannot be compared.

    Both must have the same seeds and must have trained for several epochs, with the same options: a
    learning rate that a search chose for one of them changes its number of epochs.
    """
    if row.left_seeds != row.right_seeds:
        return []
    cells = zip(row.left_cells, row.right_cells, strict=True)
    pairs = [(tallies.by_cell[left], tallies.by_cell[right]) for left, right in cells]
    results = [(a.result, b.result) for a, b in pairs if a.result and b.result]
    comparable = all(
        min(len(a.curve), len(b.curve)) > 1 and _chosen_options(a) == _chosen_options(b)
        for a, b in results
    )
    return results if comparable else []


def _chosen_options(result: Result) -> object:
    return result.selection["chosen"] if result.selection else None
