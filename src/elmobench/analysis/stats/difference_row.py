"""The result of one comparison of two systems, and its verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from elmobench.analysis.stats.estimate import Estimate

Verdict = Literal[
    "better", "better but negligible", "tie", "undecided", "worse but negligible", "worse"
]
Scope = Literal["systems", "runs"]

ONE_RUN = "With a single run of a system, the interval is about these runs only: undecided."
"""What tables say if a comparison has the scope ``runs``."""

FOLD_MEAN = "mean of "
"""How ``axes["fold"]`` begins in the row for the mean over folds."""

ALPHA = 0.05
"""Level of the tests, after Holm's correction over the compared tasks."""


def verdict_of(effect: float, p: float, p_within: float) -> Verdict:
    """What two corrected p-values show about an effect.

    >>> verdict_of(0.4, 0.01, 0.02)
    'better but negligible'

    Args:
        effect: the estimate.
        p: p-value of no effect.
        p_within: p-value that the effect is not within the margin.
    """
    negligible = p_within < ALPHA
    if p < ALPHA:
        if effect > 0:
            return "better but negligible" if negligible else "better"
        return "worse but negligible" if negligible else "worse"
    return "tie" if negligible else "undecided"


def interval_text(row: Difference) -> str:
    """Format the 95 % interval of a comparison: ``+1.20 … +3.40``."""
    low, high = row.interval
    return f"{low:+.2f} … {high:+.2f}"


@dataclass(frozen=True)
class Difference:
    """Two systems on one task with one head, in percent.

    Attributes:
        task, head, axes: the compared point of the grid.
        metric: the score that is compared.
        left, right: names of the two systems.
        left_scores, right_scores: scores by seed.
        left_seeds, right_seeds: the seeds, in the order of the scores.
        paired: whether run i of both systems was trained on the same part of the training set,
            so that run i is compared with run i; see :func:`compare`.
        scope: ``systems`` if the variance between seeds is known; ``runs`` if a system has a single
            run, so that the estimate is about these runs only.
        units: number of resampling units: examples, sentences, articles or documents.
        estimate: mean of ``left`` minus mean of ``right``, with its variance.
        p_corrected: p-value of no difference, corrected by Holm over the rows of one comparison.
        p_within_corrected: p-value that the difference is not within the margin, corrected
            likewise.
        margin: differences below it are negligible; fixed before the run.
        left_cells, right_cells: names of the cells, seed by seed (and fold by fold).
    """

    task: str
    head: str
    axes: dict[str, Any]
    metric: str
    left: str
    right: str
    left_scores: tuple[float, ...]
    right_scores: tuple[float, ...]
    left_seeds: tuple[int, ...]
    right_seeds: tuple[int, ...]
    paired: bool
    scope: Scope
    units: int
    estimate: Estimate
    p_corrected: float
    p_within_corrected: float
    margin: float
    left_cells: tuple[str, ...]
    right_cells: tuple[str, ...]

    @property
    def difference(self) -> float:
        """Mean of ``left`` minus mean of ``right``."""
        return self.estimate.value

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % confidence interval of the difference, for this row alone."""
        return self.estimate.interval(1 - ALPHA)

    @property
    def is_fold_mean(self) -> bool:
        """Whether the row is about the mean score over folds."""
        return str(self.axes.get("fold", "")).startswith(FOLD_MEAN)

    @property
    def seeds_text(self) -> str:
        """Format the number of seeds: ``5``, or ``5, 3`` if the systems have different ones."""
        left, right = len(self.left_seeds), len(self.right_seeds)
        return str(left) if left == right else f"{left}, {right}"

    @property
    def verdict(self) -> Verdict:
        """What the comparison shows.

        ``better``, ``worse``: the difference is not zero. ``… but negligible``: it is not zero, and
        is shown to be smaller than the margin. ``tie``: it is shown to be smaller than the margin.
        ``undecided``: neither is shown; always so if the estimate is about single runs.
        """
        if self.scope == "runs":
            return "undecided"
        return verdict_of(self.difference, self.p_corrected, self.p_within_corrected)

    def as_json(self) -> dict[str, Any]:
        """The row as ``elmobench compare --json`` prints it."""
        low, high = self.interval
        return {
            "task": self.task,
            "head": self.head,
            "axes": self.axes,
            "metric": self.metric,
            "left": self.left,
            "right": self.right,
            "left_scores": self.left_scores,
            "right_scores": self.right_scores,
            "left_seeds": self.left_seeds,
            "right_seeds": self.right_seeds,
            "paired": self.paired,
            "scope": self.scope,
            "units": self.units,
            "difference": self.difference,
            "low": low,
            "high": high,
            "p": self.estimate.p_value(),
            "p_corrected": self.p_corrected,
            "p_within": self.estimate.p_within(self.margin),
            "p_within_corrected": self.p_within_corrected,
            "margin": self.margin,
            "verdict": self.verdict,
            "left_cells": self.left_cells,
            "right_cells": self.right_cells,
        }
