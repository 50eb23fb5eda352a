"""The claims that an experiment states itself."""

from __future__ import annotations

from collections.abc import Callable

from elmobench.analysis.claims.claim import Claim
from elmobench.analysis.claims.evidence import Evidence
from elmobench.analysis.claims.study import Study, evidence_of
from elmobench.analysis.stats.differences import corrected
from elmobench.bench.experiment.declared_claims import DeclaredClaim
from elmobench.core.validation import validated


def declared_claims(study: Study) -> list[Claim]:
    """The claims of the experiment file, as it was when the experiment last ran.

    Raises:
        ConfigError: if one of them is not valid.
    """
    raw = study.tallies.store.experiment().get("claims") or ()
    return [_claim(validated(DeclaredClaim, claim, "claims of the experiment")) for claim in raw]


def _claim(declared: DeclaredClaim) -> Claim:
    expected = {"better": "better than", "tie": "ties with", "not worse": "not worse than"}
    place = "" if declared.by == "features" else f"{declared.by}="
    return Claim(
        declared.id,
        declared.statement,
        declared.source,
        f"{place}{declared.left} {expected[declared.expects]} {place}{declared.right}",
        _comparisons(declared),
    )


def _comparisons(declared: DeclaredClaim) -> Callable[[Study], list[Evidence]]:
    def gather(study: Study) -> list[Evidence]:
        rows = study.pairs([(declared.left, declared.right)], declared.by)
        if declared.tasks:
            rows = corrected([row for row in rows if row.task in declared.tasks])
        return evidence_of(rows, declared.expects)

    return gather
