"""Test the paper's findings: what ``elmobench claims`` computes, as an object with frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from elmobench.api.display import Displayed
from elmobench.api.results import Results, folder_of
from elmobench.core.counted import counted
from elmobench.core.errors import UnknownNameError
from elmobench.core.registry import did_you_mean
from elmobench.tracking.record_store import RecordStore

if TYPE_CHECKING:
    import pandas as pd

    from elmobench.analysis.claims.claim import ClaimResult


@dataclass(frozen=True, repr=False)
class Claims(Displayed):
    """Which of the paper's findings an experiment supports or contradicts; see :func:`claims`.

    Iterating yields one result per finding; ``claims["adding-helps"]`` is the one of that name.

    Attributes:
        folder: the results folder.
        results: one :class:`~elmobench.analysis.claims.claim.ClaimResult` per finding.
        partial: number of records of a quick try, which are left out.
    """

    folder: Path
    results: list[ClaimResult]
    partial: int

    @property
    def frame(self) -> pd.DataFrame:
        """One row per finding: its outcome, and how many measurements say so."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "id": result.claim.id,
                    "outcome": result.outcome,
                    "supported": result.counts.supported,
                    "contradicted": result.counts.contradicted,
                    "undecided": result.counts.undecided,
                    "statement": result.claim.statement,
                    "source": result.claim.source,
                    "expects": result.claim.expects,
                }
                for result in self.results
            ]
        )

    @property
    def evidence(self) -> pd.DataFrame:
        """One row per measurement: the finding's ``id``, its place, effect, interval, outcome."""
        from dataclasses import asdict, fields

        import pandas as pd

        from elmobench.analysis.claims.evidence import Evidence

        rows = [
            {"id": result.claim.id, **asdict(row)}
            for result in self.results
            for row in result.evidence
        ]
        return pd.DataFrame(rows, columns=["id", *(field.name for field in fields(Evidence))])

    def __iter__(self) -> Iterator[ClaimResult]:
        return iter(self.results)

    def __len__(self) -> int:
        """Number of findings."""
        return len(self.results)

    def __getitem__(self, name: str) -> ClaimResult:
        """The result of one finding.

        Raises:
            UnknownNameError: there is no finding of that name.
        """
        by_name = {result.claim.id: result for result in self.results}
        if name not in by_name:
            raise UnknownNameError(f"no claim {name!r}", fix=did_you_mean(str(name), list(by_name)))
        return by_name[name]

    def _heading(self) -> list[str]:
        return [f"Published findings, and claims of the experiment, in {self.folder}"]

    def _remarks(self) -> list[str]:
        number = counted(self.partial, "cell")
        text = f"{number} of a quick try (limit) left out: they are not evidence"
        return [text] if self.partial else []

    def _shown(self) -> pd.DataFrame:
        return self.frame[["outcome", "statement", "supported", "contradicted", "undecided"]]


def claims(results: Results | str | Path) -> Claims:
    """Test which of the paper's findings an experiment supports or contradicts.

    Claims that the experiment states itself are tested too, and come first. A finding is
    supported if every comparison supports it, and contradicted if at least one contradicts it.
    Verdicts are those of :func:`compare`, corrected over the comparisons of a finding.

    Control tasks are no evidence about language:

    >>> import elmobench
    >>> study = {"name": "try", "tasks": ["wsd/control-wsd"], "heads": ["paper"]}
    >>> study["features"] = ["glove-mini", "elmo-mini"]
    >>> found = elmobench.claims(elmobench.run(study, tracker="none", quiet=True))
    >>> found["context-for-senses"].outcome
    'not tested'

    Args:
        results: what :func:`run` or :func:`load_results` returned, or a results folder.

    Raises:
        UnknownNameError: there is no such folder.
        DataError: records or predictions are damaged.
    """
    from elmobench.analysis.claims.paper_findings import claim_results

    folder = folder_of(results)
    store = RecordStore(folder)
    found = claim_results(store)
    partial = sum(record.limit is not None for record in store.planned())
    return Claims(folder, found, partial)
