"""One measurement that bears on a claim, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["supported", "contradicted", "undecided", "not tested"]


@dataclass(frozen=True)
class Evidence:
    """One measurement that bears on a claim.

    Attributes:
        where: task, head and further axes.
        what: the compared quantities.
        effect, low, high: the effect and its 95 % interval, in points of the score, shares of
            weight, or epochs.
        outcome: what the measurement says about the claim.
        seeds: number of paired runs.
        p: corrected over the claim's evidence; None for weights and epochs.
    """

    where: str
    what: str
    effect: float
    low: float | None
    high: float | None
    outcome: Outcome
    seeds: int
    p: float | None = None
