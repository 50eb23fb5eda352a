"""Effects that are measured once per seed: layer weights and epochs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from elmobench.analysis.claims.evidence import Evidence, Outcome
from elmobench.analysis.stats.correction import holm
from elmobench.analysis.stats.difference_row import verdict_of
from elmobench.analysis.stats.estimate import Estimate


@dataclass(frozen=True)
class SeedEffect:
    """What a claim expects to be above zero, in one place.

    Attributes:
        where, what: as in :class:`Evidence`.
        estimates: one or several quantities, all of which the claim expects to be above zero.
        seeds: number of runs.
    """

    where: str
    what: str
    estimates: tuple[Estimate, ...]
    seeds: int

    @property
    def smallest(self) -> Estimate:
        """The quantity that is least above zero."""
        return min(self.estimates, key=lambda estimate: estimate.value)

    def p_value(self) -> float:
        """Two-sided p-value of an effect in the direction of the smallest quantity.

        That all quantities are above zero is shown if each of them is (an intersection-union test,
        which needs no correction; Berger 1982). That one of them is below zero is shown by the
        smallest p-value, corrected by Bonferroni for their number. Quantities that are not numbers
        show nothing.
        """
        if self.smallest.value > 0:
            return max(estimate.p_value() for estimate in self.estimates)
        below = [e.p_value() for e in self.estimates if e.value <= 0]
        return min(1.0, len(self.estimates) * min(below, default=1.0))


def seed_evidence(effects: Sequence[SeedEffect], margin: float) -> list[Evidence]:
    """Effects as evidence for a claim that expects them to be above zero.

    P-values are corrected by Holm over all of them. A negligible effect, or one whose variance is
    unknown, supports nothing.

    Args:
        effects: one for each place.
        margin: effects below it are negligible.
    """
    different = holm([effect.p_value() for effect in effects])
    within = holm([effect.smallest.p_within(margin) for effect in effects])
    evidence = []
    for effect, p, p_within in zip(effects, different, within, strict=True):
        smallest = effect.smallest
        verdict = verdict_of(smallest.value, p, p_within)
        outcome: Outcome = "undecided"
        if verdict == "better":
            outcome = "supported"
        elif verdict == "worse":
            outcome = "contradicted"
        low, high = (None, None) if smallest.variance is None else smallest.interval()
        evidence.append(
            Evidence(
                where=effect.where,
                what=effect.what,
                effect=smallest.value,
                low=low,
                high=high,
                margin=margin,
                p=p,
                verdict=verdict,
                outcome=outcome,
                seeds=effect.seeds,
            )
        )
    return evidence
