"""Claims that an experiment's records can support or contradict, and their results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, fields

from elmobench.analysis.claims.evidence import Evidence, Outcome
from elmobench.analysis.claims.study import Study


@dataclass(frozen=True)
class Claim:
    """A published finding, or what an experiment states itself.

    Attributes:
        id: name on the command line and in templates.
        statement: it in one sentence.
        source: where it was published, or that the experiment states it.
        expects: the comparison that supports it, for people.
        gather: collects its evidence from an experiment.
    """

    id: str
    statement: str
    source: str
    expects: str
    gather: Callable[[Study], list[Evidence]]


@dataclass(frozen=True)
class OutcomeCounts:
    """How many measurements support a claim, contradict it, or decide nothing.

    As text: ``3 supported, 1 undecided``.
    """

    supported: int
    contradicted: int
    undecided: int

    @property
    def total(self) -> int:
        """Number of measurements."""
        return self.supported + self.contradicted + self.undecided

    def __str__(self) -> str:
        numbers = {field.name: getattr(self, field.name) for field in fields(self)}
        return ", ".join(f"{number} {name}" for name, number in numbers.items() if number)


@dataclass(frozen=True)
class ClaimResult:
    """A claim and the evidence for and against it in one experiment."""

    claim: Claim
    evidence: list[Evidence]

    @property
    def outcome(self) -> Outcome:
        """``contradicted`` if any evidence contradicts, ``supported`` if all of it supports,
        ``not tested`` if there is none, else ``undecided``.
        """
        outcomes = {row.outcome for row in self.evidence}
        if not outcomes:
            return "not tested"
        if "contradicted" in outcomes:
            return "contradicted"
        return "supported" if outcomes == {"supported"} else "undecided"

    @property
    def counts(self) -> OutcomeCounts:
        """Number of measurements by outcome."""
        counted = Counter(row.outcome for row in self.evidence)
        return OutcomeCounts(counted["supported"], counted["contradicted"], counted["undecided"])

    def places(self, outcome: Outcome) -> list[str]:
        """Where the evidence has this outcome: ``task · head · axes`` of each measurement."""
        return [row.where for row in self.evidence if row.outcome == outcome]
