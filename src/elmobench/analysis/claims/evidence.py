"""One measurement that bears on a claim, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from elmobench.analysis.stats.difference_row import Verdict

Outcome = Literal["supported", "contradicted", "undecided", "not tested"]


@dataclass(frozen=True)
class Evidence:
    """One measurement that bears on a claim.

    Attributes:
        where: task, head and further axes.
        what: the compared quantities.
        effect, low, high: the effect and its 95 % interval, in points of the score, shares of
            weight, or epochs; ``low`` and ``high`` are None if the variance is unknown.
        margin: effects below it are negligible.
        p: p-value of no effect, corrected over the claim's evidence.
        verdict: what the measurement shows; ``better`` means an effect above zero.
        outcome: what it says about the claim.
        seeds: number of runs of each system, of the one with fewer runs.
    """

    where: str
    what: str
    effect: float
    low: float | None
    high: float | None
    margin: float
    p: float
    verdict: Verdict
    outcome: Outcome
    seeds: int
