"""Which of two systems is better on each task, by how much, and how sure that is."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from elmobench.analysis.stats.resampling import (
    Floats,
    PValue,
    bootstrap_differences,
    holm,
    interval,
    randomization_test,
)
from elmobench.core.digests import digest_of
from elmobench.core.errors import ConfigError, DataError
from elmobench.metrics.base import Tally, get_metric
from elmobench.tracking.record import RecordStore, RunRecord

Pairs = Sequence[tuple[RunRecord, RunRecord]]
Verdict = Literal["better", "worse", "tie", "undecided"]

ALPHA = 0.05
"""Level of the tests, after Holm's correction over the compared tasks."""
MEAN = "mean of "
"""How ``axes["fold"]`` begins in the row for the mean over folds."""
DEFAULT_MARGIN = 1.0
"""Of experiments that ran before they had a margin."""


@dataclass(frozen=True)
class Difference:
    """Two systems on one task with one head, in percent.

    Attributes:
        task, head, axes: where.
        metric: the score that is compared.
        left, right: what is compared.
        left_scores, right_scores: by seed.
        seeds: seeds that both have; runs of one seed are paired.
        units: what was swapped and resampled: examples, sentences, articles or documents.
        difference: mean of ``left`` less mean of ``right``.
        low, high: 95 % interval of the hierarchical bootstrap over seeds and units.
        inner: its 90 % interval, for the equivalence test.
        p: of the approximate randomisation over units.
        p_corrected: Holm's, over the rows of one comparison.
        margin: what counts as no difference, fixed before the run.
        cells: names of the cells of both, a pair a seed (and fold).
    """

    task: str
    head: str
    axes: dict[str, Any]
    metric: str
    left: str
    right: str
    left_scores: tuple[float, ...]
    right_scores: tuple[float, ...]
    seeds: tuple[int, ...]
    units: int
    difference: float
    low: float
    high: float
    inner: tuple[float, float]
    p: PValue
    p_corrected: float
    margin: float
    cells: tuple[tuple[str, str], ...]

    @property
    def verdict(self) -> Verdict:
        """``better`` or ``worse``: test and interval agree that ``left`` is so. ``tie``: the
        difference is shown to lie within the margin (two one-sided tests, by the 90 % interval).
        Else ``undecided``: the data do not tell.
        """
        if self.p_corrected < ALPHA and (self.low > 0 or self.high < 0):
            return "better" if self.difference > 0 else "worse"
        if -self.margin < self.inner[0] and self.inner[1] < self.margin:
            return "tie"
        return "undecided"


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

    Args:
        store: the results folder, or its counts where several comparisons share them.
        left, right: two values of ``by``, e.g. two features specs.
        by: ``features``, ``head``, or a further axis of the experiment.
        where: only cells with these values, e.g. ``{"head": "linear"}``; of several, with one.
        margin: a difference below it counts as none, in points of the score; by default the
            experiment's, which was fixed before it ran.
        resamples: of test and bootstrap.

    Returns:
        One row a task, head and point of the other axes, in the grid's order; then, of tasks that
        were run on several folds with the same seeds, a row for the mean over folds.

    Raises:
        ConfigError: if nothing was run with both.
        DataError: if predictions are missing, damaged or of different examples.
    """
    counts = store if isinstance(store, TallyCache) else TallyCache(store)
    store = counts.store
    records = [r for r in counts.records if r.result is not None and _matches(r, where or {})]
    if margin is None:
        margin = float(store.experiment().get("margin", DEFAULT_MARGIN))
    rows = []
    folds: dict[str, list[Pairs]] = defaultdict(list)
    for group in _groups(records, by):
        pairs = _paired(group.get(left, ()), group.get(right, ()))
        if pairs:
            rows.append(
                difference(counts, [pairs], left, right, margin, by=by, resamples=resamples)
            )
            folds[_beside_fold(pairs[0][0])].append(pairs)
    for several in folds.values():
        if len(several) > 1 and len({_seeds(pairs) for pairs in several}) == 1:
            rows.append(
                difference(counts, several, left, right, margin, by=by, resamples=resamples)
            )
    if not rows:
        raise ConfigError(
            f"no task was run with both {left!r} and {right!r} with the same seed",
            where=str(store.folder),
            fix=f"{by} here: {', '.join(sorted({str(_value(r, by)) for r in records})) or 'none'}",
        )
    return corrected(rows)


def corrected(rows: Sequence[Difference]) -> list[Difference]:
    """The rows with Holm's correction over all of them, whatever was corrected before."""
    values = holm([row.p.two_sided for row in rows])
    return [replace(row, p_corrected=p) for row, p in zip(rows, values, strict=True)]


def predictions_of(
    store: RecordStore, records: Sequence[RunRecord]
) -> tuple[list[dict[str, Any]], list[list[Any]]]:
    """The test rows (``id``, ``unit``, ``gold``) that ``records`` share, and each one's answers.

    Raises:
        DataError: if they are not of the same examples.
    """
    first: list[dict[str, Any]] | None = None
    answers = []
    for record in records:
        rows = store.read_predictions(record.cell)
        if first is None:
            first = rows
        elif [(row["id"], row["gold"]) for row in rows] != [(r["id"], r["gold"]) for r in first]:
            raise _other_examples(store, record)
        answers.append([row["predicted"] for row in rows])
    return first or [], answers


@dataclass(frozen=True)
class _Counted:
    """What adds up over the test set of one run.

    Attributes:
        examples: digest of ids and gold annotations.
        sums: (units, K) counts of each unit.
        score: sums of shape (..., K) to the score in percent.
    """

    examples: str
    sums: Floats
    score: Callable[[Floats], Floats]


class TallyCache:
    """The counts of the runs in a results folder, each read and added up once.

    Attributes:
        store: the results folder.
        differences: those that were found already; tables, claims and texts ask for the same.
    """

    def __init__(self, store: RecordStore) -> None:
        self.store = store
        self.differences: dict[Any, Difference] = {}
        self._known: dict[str, _Counted] = {}

    @cached_property
    def records(self) -> list[RunRecord]:
        """The records of the present grid."""
        return self.store.planned()

    @cached_property
    def by_cell(self) -> dict[str, RunRecord]:
        """The same by the names of their cells, which differences tell."""
        return {record.cell: record for record in self.records}

    def of(self, record: RunRecord) -> _Counted:
        """TallyCache of one run. Raises DataError if its predictions are missing or damaged."""
        if record.cell not in self._known:
            assert record.result is not None
            rows = self.store.read_predictions(record.cell)
            answers = [row["predicted"] for row in rows]
            tally = get_metric(record.result.metric).tally([row["gold"] for row in rows], [answers])
            self._known[record.cell] = _Counted(
                digest_of([[row["id"], row["gold"]] for row in rows]),
                summed_by_unit(tally, units_of(rows))[0],
                tally.score,
            )
        return self._known[record.cell]

    def together(self, records: Sequence[RunRecord]) -> tuple[Floats, Callable[[Floats], Floats]]:
        """(runs, units, K) counts of runs on the same examples, and their score.

        Raises:
            DataError: if predictions are missing, damaged or of different examples.
        """
        found = [self.of(record) for record in records]
        for record, one in zip(records, found, strict=True):
            if one.examples != found[0].examples:
                raise _other_examples(self.store, record)
        return np.stack([one.sums for one in found]), found[0].score


def _other_examples(store: RecordStore, record: RunRecord) -> DataError:
    return DataError(
        "predictions are of other examples than those they are compared with",
        where=str(store.predictions_path(record.cell)),
        fix="run both anew on the same data",
    )


def units_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """What each test row stands or falls together with; its own id where nothing is kept."""
    return [str(row.get("unit", row["id"])) for row in rows]


def summed_by_unit(tally: Tally, units: Sequence[str]) -> Floats:
    """(systems, units, K) counts of a tally whose examples belong to ``units``."""
    places = {unit: i for i, unit in enumerate(dict.fromkeys(units))}
    summed = np.zeros((tally.counts.shape[0], len(places), tally.counts.shape[2]))
    homes = np.array([places[unit] for unit in units])
    for system, counts in zip(summed, tally.counts, strict=True):
        np.add.at(system, homes, counts)
    return summed


def difference(
    counts: TallyCache,
    folds: Sequence[Pairs],
    left: str,
    right: str,
    margin: float,
    *,
    by: str = "features",
    resamples: int = 10_000,
) -> Difference:
    """The difference between paired runs of one task, its p-value not corrected.

    Args:
        counts: of the folder that has their predictions.
        folds: for each fold, or for the whole test set, runs of ``left`` and ``right``, a pair a
            seed. Of several folds the score is the mean of the folds' scores, and the units of
            all of them are swapped and resampled.
        left, right: what they are called.
        margin: a difference below it counts as none.
        by: what they differ in; the other axes of the first run go into the row.
        resamples: of test and bootstrap.

    Raises:
        DataError: if predictions are missing, damaged or of different examples.
    """
    cells = tuple((a.cell, b.cell) for fold in folds for a, b in fold)
    asked = (cells, left, right, margin, by, resamples)
    if asked in counts.differences:
        return counts.differences[asked]
    pairs = folds[0]
    one = pairs[0][0]
    assert one.result is not None
    sums, score = _side_by_side(
        [
            counts.together([run for side in zip(*fold, strict=True) for run in side])
            for fold in folds
        ]
    )
    scores = score(sums.sum(axis=1))
    runs = len(pairs)
    ours, theirs = sums[:runs], sums[runs:]
    draws = bootstrap_differences(ours, theirs, score, resamples=resamples)
    low, high = interval(draws)
    p = randomization_test(ours, theirs, score, resamples=resamples)
    counts.differences[asked] = found = Difference(
        task=one.task,
        head="–" if by == "head" else one.head,
        axes={
            **({} if by == "features" else {"features": one.features}),
            **{name: value for name, value in one.axes.items() if name != by},
            **({"fold": f"{MEAN}{len(folds)}"} if len(folds) > 1 else {}),
        },
        metric=one.result.primary,
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
    return found


def _side_by_side(
    parts: Sequence[tuple[Floats, Callable[[Floats], Floats]]],
) -> tuple[Floats, Callable[[Floats], Floats]]:
    """Counts of disjoint test sets as one: each has its own columns; the score is their mean."""
    if len(parts) == 1:
        return parts[0]
    widths = [sums.shape[2] for sums, _ in parts]
    ends = np.cumsum(widths)
    places = [slice(end - width, end) for end, width in zip(ends, widths, strict=True)]
    runs, units = len(parts[0][0]), sum(sums.shape[1] for sums, _ in parts)
    together = np.zeros((runs, units, int(ends[-1])))
    first = 0
    for (sums, _), place in zip(parts, places, strict=True):
        together[:, first : first + sums.shape[1], place] = sums
        first += sums.shape[1]

    def score(sums: Floats) -> Floats:
        found = [one(sums[..., place]) for (_, one), place in zip(parts, places, strict=True)]
        mean: Floats = np.mean(found, axis=0)
        return mean

    return together, score


def _beside_fold(record: RunRecord) -> str:
    """Where a run stands in the grid, but for its fold and seed."""
    axes = {name: value for name, value in record.axes.items() if name != "fold"}
    return json.dumps([record.task, record.features, record.head, axes], sort_keys=True)


def _seeds(pairs: Pairs) -> tuple[int, ...]:
    return tuple(one.seed for one, _ in pairs)


def _value(record: RunRecord, by: str) -> Any:
    return getattr(record, by) if by in ("features", "head") else record.axes.get(by)


def _matches(record: RunRecord, where: Mapping[str, str | Sequence[str]]) -> bool:
    names = {"task": record.task, "head": record.head, "features": record.features}
    return all(
        str(names.get(key, record.axes.get(key))) in ([value] if isinstance(value, str) else value)
        for key, value in where.items()
    )


def _groups(records: Sequence[RunRecord], by: str) -> list[dict[str, list[RunRecord]]]:
    """Records that differ in ``by`` and in their seed alone, by their value of ``by``."""
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
    theirs = {record.seed: record for record in right}
    ours = sorted(left, key=lambda record: record.seed)
    return [(record, theirs[record.seed]) for record in ours if record.seed in theirs]
