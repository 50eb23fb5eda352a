"""How often the claim about the first layer's weight is wrong, on simulated layer weights."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from elmobench.analysis.claims.seed_effects import SeedEffect, seed_evidence
from elmobench.analysis.stats.estimate import mean_estimate

SPREAD = 0.3
"""Standard deviation between seeds of a raw layer weight, before the softmax."""
CASES = {
    "three equal layers": (0.0, 0.0, 0.0),
    "layers 0 and 1 equal, above layer 2": (1.0, 1.0, 0.0),
    "layers 1 and 2 equal, above layer 0": (0.0, 1.0, 1.0),
}
"""Mean raw weights for which the first layer neither leads nor trails."""


@dataclass(frozen=True)
class WeightRates:
    """Shares of simulated mixes, in percent.

    Attributes:
        case: which layers are equal.
        seeds: number of runs.
        wrong: claims that are called supported or contradicted.
        earlier_wrong: the same by the earlier procedure: Student's interval of
            s1 - max(s0, s2), which is below zero if all weights are equal.
    """

    case: str
    seeds: int
    wrong: float
    earlier_wrong: float


def measure_weights(case: str, seeds: int, experiments: int) -> WeightRates:
    """Simulate ``experiments`` mixes of three layers, each with ``seeds`` runs."""
    rng = np.random.default_rng(zlib.crc32(f"{case} {seeds}".encode()))
    wrong = earlier = 0
    for _ in range(experiments):
        raw = rng.normal(CASES[case], SPREAD, size=(seeds, 3))
        shares = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
        leads = [shares[:, 1] - shares[:, other] for other in (0, 2)]
        estimates = tuple(mean_estimate(lead.tolist()) for lead in leads)
        # No margin, so that every error of the tests counts.
        (evidence,) = seed_evidence([SeedEffect("", "", estimates, seeds)], margin=1e-9)
        wrong += evidence.outcome != "undecided"
        low, high = mean_estimate(np.minimum(*leads).tolist()).interval()
        earlier += low > 0 or high < 0
    return WeightRates(case, seeds, 100 * wrong / experiments, 100 * earlier / experiments)
