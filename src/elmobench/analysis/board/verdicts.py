"""Which entry of a column is shown to be better than every other one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from elmobench.analysis.board.entries import Entry
from elmobench.analysis.board.names import Row
from elmobench.analysis.board.studies import Study
from elmobench.analysis.stats.difference_row import Difference
from elmobench.analysis.stats.differences import difference, without_chance
from elmobench.analysis.stats.shown_best import shown_best
from elmobench.analysis.stats.tallies import TallyCache
from elmobench.tracking.prediction_files import DamagedPredictionsError


def best_entry(entries: Mapping[Row, Entry], studies: Sequence[Study]) -> Row | None:
    """The row that is shown to be better than every other one of its column; None if none is.

    The verdicts are those of the report: seeds and test units are samples, corrected by Holm over
    the column. The margin is the largest one of the studies that have the entries. Predictions
    are read only where a verdict needs them; damaged ones are noted in ``damaged`` of their
    study, and nothing is marked then.
    """
    if len(entries) < 2 or any(
        len(entry.runs) == 1 and not without_chance(entry.runs) for entry in entries.values()
    ):
        return None  # verdicts about single runs decide nothing
    margin = max(studies[number - 1].margin for e in entries.values() for number in e.studies)
    rows = {str(place): row for place, row in enumerate(entries)}
    first = next(iter(entries.values()))
    joint = TallyCache(studies[first.studies[0] - 1].tallies.store)

    def differences(best: str, other: str) -> list[Difference]:
        ours, theirs = entries[rows[best]], entries[rows[other]]
        for entry in (ours, theirs):
            _add_tallies(joint, entry, studies)
        return [difference(joint, [(ours.runs, theirs.runs)], best, other, margin)]

    best = shown_best({name: entries[row].mean for name, row in rows.items()}, differences)
    return None if best is None else rows[best]


def _add_tallies(joint: TallyCache, entry: Entry, studies: Sequence[Study]) -> None:
    """Give ``joint`` the tallies of the entry's runs, from the studies that have them."""
    for run in entry.runs:
        for number in entry.studies:
            study = studies[number - 1]
            if run.cell in study.tallies.by_cell:
                try:
                    joint.add(run, study.tallies.tally(run))
                except DamagedPredictionsError as error:
                    if str(error) not in study.damaged:
                        study.damaged.append(str(error))
                    raise
                break
