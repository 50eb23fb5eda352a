"""Simulated experiments with known differences: runs of two systems on one test set.

Each unit has a difficulty that both systems share, a part that is a system's own in every run, and
a part that is new in every run. A run answers an item correctly if their sum is below the run's
threshold, which is set so that the expected score of the run is the system's score plus an effect
of the seed. The three parts have the shares ``SHARES`` of the variance. With five seeds the
variance over units is then about four times that of the rest; in ``results/study`` it is two to
ten times that in most comparisons.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]

SHARES = (0.55, 0.25, 0.20)
"""Shares of the variance of a latent answer: difficulty, the system's own, the run's own."""
BASE = 60.0
"""Score of the right system, in percent."""
SPANS = 0.8
"""Mean number of gold spans per sentence, for F1."""
SPURIOUS = 0.35
"""Spurious spans for each gold span."""


@dataclass(frozen=True)
class Setting:
    """One line of the calibration table.

    Attributes:
        metric: ``accuracy`` or ``f1``.
        seeds: number of runs of each system.
        sd: standard deviation between the expected scores of the first system's runs, in points.
        other_sd: the same of the second system.
        units: number of test units.
    """

    metric: str
    seeds: int
    sd: float
    other_sd: float
    units: int


def simulate(setting: Setting, difference: float, rng: np.random.Generator) -> Floats:
    """Counts of one experiment, (2, runs, units, K).

    The expected score of the first system is that of the second plus ``difference``.
    """
    effects = rng.normal(0.0, 1.0, (2, setting.seeds)) * [[setting.sd], [setting.other_sd]]
    scores = BASE + np.array([[difference], [0.0]]) + effects  # (2, runs)
    if setting.metric == "accuracy":
        correct = _answers(scores / 100, np.ones(setting.units, dtype=int), rng)
        return np.stack([correct, np.ones_like(correct)], axis=-1)
    gold = rng.poisson(SPANS, setting.units)
    f1 = scores / 100
    recall = f1 * (1 + SPURIOUS) / (2 - f1)  # solves 2 r / (1 + r + SPURIOUS) = F1
    found = _answers(recall, gold, rng)
    spurious = _answers(np.full_like(recall, SPURIOUS), rng.poisson(SPANS, setting.units), rng)
    return np.stack([found, found + spurious, np.broadcast_to(gold, found.shape)], axis=-1)


def score(metric: str, sums: Floats) -> Floats:
    """Scores (...) in percent from sums (..., K) of the counts of :func:`simulate`."""
    if metric == "accuracy":
        return 100 * sums[..., 0] / np.maximum(sums[..., 1], 1)
    found, predicted, gold = np.moveaxis(sums, -1, 0)
    return 100 * 2 * found / np.maximum(predicted + gold, 1)


def _answers(probability: Floats, items: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """(2, runs, units) numbers of an item's units that are answered with yes.

    Args:
        probability: (2, runs) of each run.
        items: (units,) number of items in each unit.
    """
    runs, count = probability.shape[1], int(items.sum())
    shared, own, rest = (np.sqrt(share) for share in SHARES)
    latent = (
        shared * rng.standard_normal(count)
        + own * rng.standard_normal((2, 1, count))
        + rest * rng.standard_normal((2, runs, count))
    )
    yes = latent < ndtri(np.clip(probability, 1e-9, 1 - 1e-9))[..., None]
    bounds = np.concatenate([[0], np.cumsum(items)])
    summed = np.concatenate([np.zeros((2, runs, 1)), np.cumsum(yes, axis=-1)], axis=-1)
    return np.diff(summed[..., bounds], axis=-1)
