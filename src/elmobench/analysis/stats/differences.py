"""Which of two systems is better on each task, by how much, and with what certainty."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from elmobench.analysis.stats.difference_row import ALPHA, Difference
from elmobench.analysis.stats.resampling import (
    bootstrap_differences,
    holm,
    interval,
    randomization_test,
)
from elmobench.analysis.stats.tallies import TallyCache, concat_test_sets
from elmobench.core.errors import ConfigError
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore

Pairs = Sequence[tuple[RunRecord, RunRecord]]

FOLD_MEAN = "mean of "
"""How ``axes["fold"]`` begins in the row for the mean over folds."""
DEFAULT_MARGIN = 1.0
"""The margin of experiments whose records do not name one."""


def compare(
    store: RecordStore | TallyCache,
    left: str,
    right: str,
    *,
    by: str = "features",
    where: Mapping[str, str | Sequence[str]] | None = None,
    margin: float | None = None,
    resamples: int = 10_000,
) -> list[Difference]:
    """Compare ``left`` with ``right`` wherever both were run with the same seeds.

    >>> import elmobench
    >>> study = {"name": "try", "tasks": ["wsd/control-wsd"], "heads": ["paper"]}
    >>> study["features"] = ["glove-mini", "elmo-mini"]
    >>> store = RecordStore(elmobench.run(study, quiet=True).folder)
    >>> [(row.task, round(row.difference, 2)) for row in compare(store, "elmo-mini", "glove-mini")]
    [('wsd/control-wsd', 10.67)]

    Args:
        store: the results folder, or its tallies if several comparisons share them.
        left, right: two values of ``by``, e.g. two features specs.
        by: ``features``, ``head``, or a further axis of the experiment.
        where: use only cells with these values, e.g. ``{"head": "linear"}``; a list allows
            any of its values.
        margin: differences below it count as no difference, in points of the score; by default
            the experiment's margin, which was fixed before it ran.
        resamples: number of resamples of test and bootstrap.

    Returns:
        One row for each task, head and point of the other axes, in the grid's order; then, for
        tasks that were run on several folds with the same seeds, a row for the mean over folds.

    Raises:
        ConfigError: if nothing was run with both.
        DataError: if predictions are missing, damaged or of different examples.
    """
    tallies = store if isinstance(store, TallyCache) else TallyCache(store)
    store = tallies.store
    records = [r for r in tallies.records if r.result is not None and _matches(r, where or {})]
    if margin is None:
        margin = float(store.experiment().get("margin", DEFAULT_MARGIN))
    rows = []
    folds_of: dict[str, list[Pairs]] = defaultdict(list)
    for group in _groups(records, by):
        pairs = _paired(group.get(left, ()), group.get(right, ()))
        if pairs:
            rows.append(
                difference(tallies, [pairs], left, right, margin, by=by, resamples=resamples)
            )
            folds_of[_point_without_fold(pairs[0][0])].append(pairs)
    for folds in folds_of.values():
        if len(folds) > 1 and len({_seeds(pairs) for pairs in folds}) == 1:
            rows.append(difference(tallies, folds, left, right, margin, by=by, resamples=resamples))
    if not rows:
        raise ConfigError(
            f"no task was run with both {left!r} and {right!r} with the same seed",
            where=str(store.folder),
            fix=f"{by} here: {', '.join(sorted({str(_value(r, by)) for r in records})) or 'none'}",
        )
    return corrected(rows)


def corrected(rows: Sequence[Difference]) -> list[Difference]:
    """The rows with Holm's correction over all of them; earlier corrections are replaced."""
    values = holm([row.p.two_sided for row in rows])
    return [replace(row, p_corrected=p) for row, p in zip(rows, values, strict=True)]


def difference(
    tallies: TallyCache,
    folds: Sequence[Pairs],
    left: str,
    right: str,
    margin: float,
    *,
    by: str = "features",
    resamples: int = 10_000,
) -> Difference:
    """The difference between paired runs of one task; its p-value is not corrected.

    Args:
        tallies: of the folder that has the runs' predictions.
        folds: for each fold, or for the whole test set, one pair of runs (``left``, ``right``) per
            seed. With several folds the score is the mean of the folds' scores, and the units of
            all folds are swapped and resampled.
        left, right: names of the two systems.
        margin: a difference below it counts as no difference.
        by: the axis in which the systems differ; the other axes of the first run go into the row.
        resamples: number of resamples of test and bootstrap.

    Raises:
        DataError: if predictions are missing, damaged or of different examples.
    """
    cells = tuple((a.cell, b.cell) for fold in folds for a, b in fold)
    key = (cells, left, right, margin, by, resamples)
    if key in tallies.differences:
        return tallies.differences[key]
    pairs = folds[0]
    first = pairs[0][0]
    assert first.result is not None
    sums, score = concat_test_sets(
        [tallies.stack([run for side in zip(*fold, strict=True) for run in side]) for fold in folds]
    )
    scores = score(sums.sum(axis=1))
    runs = len(pairs)
    ours, theirs = sums[:runs], sums[runs:]
    draws = bootstrap_differences(ours, theirs, score, resamples=resamples)
    low, high = interval(draws)
    p = randomization_test(ours, theirs, score, resamples=resamples)
    tallies.differences[key] = row = Difference(
        task=first.task,
        head="–" if by == "head" else first.head,
        axes={
            **({} if by == "features" else {"features": first.features}),
            **{name: value for name, value in first.axes.items() if name != by},
            **({"fold": f"{FOLD_MEAN}{len(folds)}"} if len(folds) > 1 else {}),
        },
        metric=first.result.primary,
        left=left,
        right=right,
        left_scores=tuple(float(score) for score in scores[:runs]),
        right_scores=tuple(float(score) for score in scores[runs:]),
        seeds=tuple(pair[0].seed for pair in pairs),
        units=sums.shape[1],
        difference=float(np.mean(scores[:runs]) - np.mean(scores[runs:])),
        low=low,
        high=high,
        inner=interval(draws, 1 - 2 * ALPHA),
        p=p,
        p_corrected=p.two_sided,
        margin=margin,
        cells=cells,
    )
    return row


def _point_without_fold(record: RunRecord) -> str:
    """The point of the grid to which a run belongs, without its fold and seed."""
    axes = {name: value for name, value in record.axes.items() if name != "fold"}
    return json.dumps([record.task, record.features, record.head, axes], sort_keys=True)


def _seeds(pairs: Pairs) -> tuple[int, ...]:
    return tuple(left.seed for left, _ in pairs)


def _value(record: RunRecord, by: str) -> Any:
    return getattr(record, by) if by in ("features", "head") else record.axes.get(by)


def _matches(record: RunRecord, where: Mapping[str, str | Sequence[str]]) -> bool:
    names = {"task": record.task, "head": record.head, "features": record.features}
    return all(
        str(names.get(key, record.axes.get(key))) in ([value] if isinstance(value, str) else value)
        for key, value in where.items()
    )


def _groups(records: Sequence[RunRecord], by: str) -> list[dict[str, list[RunRecord]]]:
    """Groups of records that differ only in ``by`` and the seed, each by the value of ``by``."""
    groups: dict[str, dict[str, list[RunRecord]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        point = {
            "task": record.task,
            "features": record.features,
            "head": record.head,
            **{f"axis {name}": value for name, value in record.axes.items()},
        }
        point.pop(by if by in point else f"axis {by}", None)
        groups[json.dumps(point, sort_keys=True)][str(_value(record, by))].append(record)
    return list(groups.values())


def _paired(
    left: Sequence[RunRecord], right: Sequence[RunRecord]
) -> list[tuple[RunRecord, RunRecord]]:
    """Runs of both sides with the same seed, by rising seed."""
    right_by_seed = {record.seed: record for record in right}
    ordered = sorted(left, key=lambda record: record.seed)
    return [(run, right_by_seed[run.seed]) for run in ordered if run.seed in right_by_seed]
