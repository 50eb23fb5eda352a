"""Which of two systems is better on each task, by how much, and with what certainty."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from elmobench.analysis.stats.correction import holm
from elmobench.analysis.stats.difference_row import FOLD_MEAN, Difference, Scope
from elmobench.analysis.stats.hierarchical import FoldInfluence, estimate_difference
from elmobench.analysis.stats.tallies import TallyCache
from elmobench.core.errors import ConfigError, UnknownNameError
from elmobench.core.registry import did_you_mean
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore

Runs = Sequence[RunRecord]
"""The runs of one system, which differ in the seed."""

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
) -> list[Difference]:
    """Compare ``left`` with ``right`` wherever both were run.

    Runs are independent samples of each system, whose seeds need not be the same. They are paired
    if the seed also draws the part of the training set (``train_fraction`` below 1) and both have
    the same seeds: then the scores of a seed go up and down together. With all the training data
    they do not, as results/study shows (the mean correlation between systems is close to zero).

    >>> import elmobench
    >>> study = {"name": "try", "tasks": ["wsd/control-wsd"], "heads": ["paper"]}
    >>> study["features"] = ["glove-mini", "elmo-mini"]
    >>> store = RecordStore(elmobench.run(study, tracker="none", quiet=True).folder)
    >>> [(row.task, round(row.difference, 2)) for row in compare(store, "elmo-mini", "glove-mini")]
    [('wsd/control-wsd', 10.67)]

    Args:
        store: the results folder, or its tallies if several comparisons share them.
        left, right: two values of ``by``, e.g. two features specs.
        by: ``features``, ``head``, or a further axis of the experiment.
        where: use only cells with these values, e.g. ``{"head": "linear"}``; a list allows
            any of its values.
        margin: differences below it are negligible, in points of the score; by default the
            experiment's margin, which was fixed before it ran.

    Returns:
        One row for each task, head and point of the other axes, in the grid's order; then, for
        tasks that were run on several folds with the same seeds, a row for the mean over folds.
        There is none where both are the same cells, as for a head that reads no features. P-values
        are corrected over all rows.

    Raises:
        UnknownNameError: if there is no run with one of the names or axes.
        ConfigError: if nothing was run with both, or both are the same cells everywhere.
        DataError: if predictions are missing, damaged or of different examples.
    """
    tallies = store if isinstance(store, TallyCache) else TallyCache(store)
    store = tallies.store
    records = [r for r in tallies.records if r.result is not None and _matches(r, where or {})]
    _require_known(store, tallies.records, {**(where or {}), by: [left, right]})
    if margin is None:
        margin = float(store.experiment().get("margin", DEFAULT_MARGIN))
    rows = []
    same = 0
    folds_of: dict[str, list[tuple[Runs, Runs]]] = defaultdict(list)
    for group in _groups(records, by):
        ours, theirs = _by_seed(group.get(left, ())), _by_seed(group.get(right, ()))
        if ours and theirs and _cells(ours) == _cells(theirs):
            same += 1
        elif ours and theirs:
            rows.append(difference(tallies, [(ours, theirs)], left, right, margin, by=by))
            folds_of[_point_without_fold(ours[0])].append((ours, theirs))
    for folds in folds_of.values():
        if len(folds) > 1 and len({_seeds(fold) for fold in folds}) == 1:
            rows.append(difference(tallies, folds, left, right, margin, by=by))
    if not rows and same:
        raise ConfigError(
            f"{left!r} and {right!r} name the same runs: there is no difference to test",
            where=str(store.folder),
            fix="name two systems that differ",
        )
    if not rows:
        raise ConfigError(
            f"no task was run with both {left!r} and {right!r}",
            where=str(store.folder),
            fix=f"{by} here: {', '.join(sorted({str(_value(r, by)) for r in records})) or 'none'}",
        )
    return corrected(rows)


def corrected(rows: Sequence[Difference]) -> list[Difference]:
    """The rows with Holm's correction over all of them; earlier corrections are replaced.

    Rows about single runs decide nothing: they are corrected among themselves.
    """
    new = list(rows)
    for scope in ("systems", "runs"):
        places = [i for i, row in enumerate(rows) if row.scope == scope]
        different = holm([rows[i].estimate.p_value() for i in places])
        within = holm([rows[i].estimate.p_within(rows[i].margin) for i in places])
        for i, p, p_within in zip(places, different, within, strict=True):
            new[i] = replace(rows[i], p_corrected=p, p_within_corrected=p_within)
    return new


def difference(
    tallies: TallyCache,
    folds: Sequence[tuple[Runs, Runs]],
    left: str,
    right: str,
    margin: float,
    *,
    by: str = "features",
) -> Difference:
    """The difference between two systems on one task; its p-values are not corrected.

    Args:
        tallies: of the folder that has the runs' predictions.
        folds: for each fold, or for the whole test set, the runs of both systems by rising seed.
            With several folds the score is the mean of the folds' scores.
        left, right: names of the two systems.
        margin: a difference below it is negligible.
        by: the axis in which the systems differ; the other axes of the first run go into the row.

    Raises:
        DataError: if predictions are missing, damaged or of different examples.
    """
    left_cells, right_cells = (
        tuple(run.cell for fold in folds for run in fold[side]) for side in (0, 1)
    )
    key = (left_cells, right_cells, left, right, margin, by)
    if key in tallies.differences:
        return tallies.differences[key]
    ours, theirs = folds[0]
    first = ours[0]
    assert first.result is not None
    influences = [_influence(tallies, *fold) for fold in folds]
    fixed = (without_chance(ours), without_chance(theirs))
    paired = _seed_numbers(ours) == _seed_numbers(theirs) and all(
        _train_fraction(run) < 1 for run in (*ours, *theirs)
    )
    scores = [
        np.mean([influence.scores for influence in side], 0)
        for side in ([fold.left for fold in influences], [fold.right for fold in influences])
    ]
    estimate = estimate_difference(influences, paired=paired, fixed=fixed)
    single = any(len(runs) == 1 and not known for runs, known in zip(folds[0], fixed, strict=True))
    scope: Scope = "runs" if single else "systems"
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
        left_scores=tuple(map(float, scores[0])),
        right_scores=tuple(map(float, scores[1])),
        left_seeds=_seed_numbers(ours),
        right_seeds=_seed_numbers(theirs),
        paired=paired,
        scope=scope,
        units=sum(fold.left.rows.shape[1] for fold in influences),
        estimate=estimate,
        p_corrected=estimate.p_value(),
        p_within_corrected=estimate.p_within(margin),
        margin=margin,
        left_cells=left_cells,
        right_cells=right_cells,
    )
    return row


def _influence(tallies: TallyCache, ours: Runs, theirs: Runs) -> FoldInfluence:
    tallies.check_same_examples([*ours, *theirs])
    return FoldInfluence(tallies.stack(ours), tallies.stack(theirs))


def without_chance(runs: Runs) -> bool:
    """Whether every seed would give the same result: a head fitted in one pass to all the data."""
    return all(
        run.result is not None
        and len(run.result.curve) > 0
        and all(epoch.train_loss is None for epoch in run.result.curve)
        and _train_fraction(run) == 1
        for run in runs
    )


def _train_fraction(run: RunRecord) -> float:
    return float(run.identity.get("train_fraction", 1.0))


def _point_without_fold(record: RunRecord) -> str:
    """The point of the grid to which a run belongs, without its fold and seed."""
    axes = {name: value for name, value in record.axes.items() if name != "fold"}
    return json.dumps([record.task, record.features, record.head, axes], sort_keys=True)


def _seeds(fold: tuple[Runs, Runs]) -> tuple[tuple[int, ...], ...]:
    return tuple(map(_seed_numbers, fold))


def _cells(runs: Runs) -> tuple[str, ...]:
    return tuple(run.cell for run in runs)


def _seed_numbers(runs: Runs) -> tuple[int, ...]:
    return tuple(run.seed for run in runs)


def _value(record: RunRecord, by: str) -> Any:
    return getattr(record, by) if by in ("features", "head") else record.axes.get(by)


def _require_known(
    store: RecordStore, records: Sequence[RunRecord], names: Mapping[str, str | Sequence[str]]
) -> None:
    """Raise UnknownNameError for an axis, or a value of one, that no record has.

    Args:
        store, records: the results folder and its records.
        names: axis -> the values that are asked for, of which all must be there; of a list in
            ``where`` any may be.
    """
    if not records:
        raise UnknownNameError(
            "no run records here",
            where=str(store.folder),
            fix="run the experiment first: elmobench run EXPERIMENT",
        )
    axes = dict.fromkeys(["features", "head", "task", *(a for r in records for a in r.axes)])
    for axis, wanted in names.items():
        if axis not in axes:
            raise UnknownNameError(
                f"no axis {axis!r} here", where=str(store.folder), fix=did_you_mean(axis, axes)
            )
        known = dict.fromkeys(_text(record, axis) for record in records)
        for value in [wanted] if isinstance(wanted, str) else wanted:
            if value not in known:
                raise UnknownNameError(
                    f"no run with {axis} {value!r} here",
                    where=str(store.folder),
                    fix=did_you_mean(value, known),
                )


def _text(record: RunRecord, axis: str) -> str:
    """A record's value on an axis, as it is compared with what a user asks for."""
    names = {"task": record.task, "head": record.head, "features": record.features}
    return str(names.get(axis, record.axes.get(axis)))


def _matches(record: RunRecord, where: Mapping[str, str | Sequence[str]]) -> bool:
    return all(
        _text(record, key) in ([value] if isinstance(value, str) else value)
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


def _by_seed(runs: Sequence[RunRecord]) -> Runs:
    """One run per seed, by rising seed."""
    by_seed = {run.seed: run for run in runs}
    return [by_seed[seed] for seed in sorted(by_seed)]
