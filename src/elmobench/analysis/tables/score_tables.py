"""Tables of scores: formatted for people, and as numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from elmobench.analysis.stats.estimate import mean_interval
from elmobench.analysis.tables.results_frame import axes_of


def mean_sd(values: Sequence[float], digits: int = 2) -> str:
    """Format ``mean ± sd`` with the sample standard deviation; one value gives the mean alone."""
    if not len(values):
        return "–"
    mean = float(np.mean(values))
    if len(values) == 1:
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} ± {float(np.std(values, ddof=1)):.{digits}f}"


def score_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Scores as text: rows task, metric, head and further axes, one column per representation.

    Scores are ``mean ± sd`` over seeds, followed by the marks of :data:`FLAGS_EXPLAINED`.
    The order is that of first appearance in ``frame``. If a task was run on several folds, a row
    ``mean of …`` follows them: the mean of the folds' means, and the spread over folds.
    """
    done = with_fold_means(frame[frame["status"] == "ok"])
    keys = ["task", "metric", "head", *axes_of(frame)]
    features = list(dict.fromkeys(frame["features"]))
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    seeds: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for values, group in done.groupby([*keys, "features"], sort=False, dropna=False):
        key = values[:-1]
        row = rows.setdefault(key, dict(zip(keys, key, strict=True)))
        seeds[key] += [int(seed) for seed in group["seed"].dropna()]
        marks = flag_marks(group["flags"]) if "flags" in group else ""
        row[str(values[-1])] = mean_sd([float(score) for score in group["score"]]) + marks
    table = pd.DataFrame(rows.values(), columns=[*keys, *features])
    table.insert(len(keys), "seeds", [_span(seeds[key]) for key in rows])
    return table.fillna("–")


_MARKS = {"edge": "‡", "rising": "↑"}
FLAGS_EXPLAINED = (
    "↑: in some of the runs the best dev epoch was the last one allowed. ‡: in some of the runs "
    "the search chose a value at an edge of its grid. More epochs, or a wider grid, may score "
    "higher."
)
"""What the marks in a table of scores mean."""


def flag_marks(flags: Iterable[Any]) -> str:
    """The marks of a group of runs, each with the flags of a frame's row: `` ↑‡``, or nothing."""
    words = {word for text in flags if isinstance(text, str) for word in text.split()}
    marks = "".join(mark for word, mark in _MARKS.items() if word in words)
    return f" {marks}" if marks else ""


def with_fold_means(frame: pd.DataFrame) -> pd.DataFrame:
    """Add rows for the mean over folds after each group that has several folds.

    An added row represents one fold: its ``score`` is the fold's mean over seeds, and its ``fold``
    is ``mean of N``, so that grouping gives the mean and the spread over folds.
    """
    if "fold" not in frame:
        return frame
    others = [name for name in axes_of(frame) if name != "fold"]
    groups = []
    for _, group in frame.groupby(["task", "head", *others], sort=False, dropna=False):
        groups.append(group)
        folds = group["fold"].nunique()
        if folds > 1:
            mean = group.groupby(["features", "fold"], sort=False, as_index=False).agg(
                {**dict.fromkeys(["task", "metric", "head", *others], "first"), "score": "mean"}
            )
            groups.append(mean.assign(fold=f"mean of {folds}"))
    return pd.concat(groups, ignore_index=True) if groups else frame


def score_statistics(frame: pd.DataFrame) -> pd.DataFrame:
    """Scores as numbers: one row per task, head, further axes and representation.

    Columns: mean, sd, number of seeds; ``low`` and ``high``, Student's 95 % interval of the mean
    over seeds (empty for one seed); mean costs. :func:`score_table` formats scores for people.
    """
    done = frame[frame["status"] == "ok"]
    keys = ["task", "metric", "head", *axes_of(frame), "features"]
    grouped = done.groupby(keys, sort=False, dropna=False)
    table = grouped["score"].agg(["mean", "std", "count"]).reset_index()
    table = table.rename(columns={"std": "sd", "count": "seeds"})
    intervals = [mean_interval(list(group)) or (None, None) for _, group in grouped["score"]]
    table["low"], table["high"] = zip(*intervals, strict=True) if intervals else ((), ())
    costs = grouped[["train_seconds", "epoch_seconds", "head_parameters"]].mean().reset_index()
    return table.merge(costs, on=keys)


def _span(seeds: Iterable[int]) -> str:
    """Format seeds: ``1–5`` for consecutive integers, else a list."""
    values = sorted(set(seeds))
    # Without a list of all integers in between, of which there may be more than memory holds.
    if len(values) > 2 and values[-1] - values[0] == len(values) - 1:
        return f"{values[0]}–{values[-1]}"
    return ", ".join(map(str, values))
