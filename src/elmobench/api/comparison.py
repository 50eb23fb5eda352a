"""Compare two systems: what ``elmobench compare`` computes, as an object with frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elmobench.api.display import Displayed
from elmobench.api.results import Results, folder_of
from elmobench.core.surrogates import replace_surrogates
from elmobench.tracking.record_store import RecordStore

if TYPE_CHECKING:
    import pandas as pd

    from elmobench.analysis.inspect.changed_answers import ChangedAnswers
    from elmobench.analysis.stats.corpora import CorpusMean
    from elmobench.analysis.stats.difference_row import Difference
    from elmobench.analysis.stats.tallies import TallyCache
    from elmobench.analysis.tables.probe_table import ProbeRow


@dataclass(frozen=True, repr=False)
class Comparison(Displayed):
    """Which of two systems is better on each task, and how certain that is; see :func:`compare`.

    Iterating yields the rows. A notebook shows them as a table.

    Attributes:
        by: the axis whose values are compared.
        rows: one row per task, head and further axes.
        means: mean over corpora, by head; empty if there is one corpus.
        changed: for each row the examples on which the systems differ, if they were asked for.
        examples: how many improved and worsened examples per row were asked for.
        probes: what judges the compared probes, if they have control labels or an online code.
    """

    by: str
    rows: list[Difference]
    means: dict[str, CorpusMean]
    changed: list[ChangedAnswers | None] = field(default_factory=list)
    examples: int = 0
    probes: list[ProbeRow] = field(default_factory=list)

    @property
    def frame(self) -> pd.DataFrame:
        """One row per comparison, as numbers: scores, difference, interval, p-values, verdict.

        The columns are the fields of ``elmobench compare --json``, with a column for each further
        axis in place of ``axes``.
        """
        import pandas as pd

        rows = [row.as_json() for row in self.rows]
        axes = [row.pop("axes") for row in rows]
        return pd.DataFrame([{**own, **row} for row, own in zip(rows, axes, strict=True)])

    @property
    def changed_frame(self) -> pd.DataFrame:
        """One row per improved or worsened example, with both answers; see ``examples``."""
        import pandas as pd

        columns = ["task", "head", "id", "better", "text", "gold", "left", "right"]
        # pandas cannot hold lone surrogates, which texts may have.
        rows = [
            {k: replace_surrogates(v) if isinstance(v, str) else v for k, v in answer.items()}
            for answer in self.answers()
        ]
        return pd.DataFrame(rows, columns=columns)

    def answers(self) -> list[dict[str, Any]]:
        """The rows of :attr:`changed_frame` as mappings, with every character of the data."""
        return [
            answer
            for one in self.changed
            if one is not None
            for answer in one.answers(self.examples)
        ]

    def __iter__(self) -> Iterator[Difference]:
        return iter(self.rows)

    def __len__(self) -> int:
        """Number of comparisons."""
        return len(self.rows)

    def _heading(self) -> list[str]:
        return [f"{self.rows[0].left} minus {self.rows[0].right}"]

    def _remarks(self) -> list[str]:
        from elmobench.analysis.stats.difference_row import ONE_RUN
        from elmobench.analysis.tables.comparison_table import comparison_explained

        means = [
            f"Mean over {len(mean.corpora)} corpora, head {head}: {mean}"
            for head, mean in self.means.items()
        ]
        single = any(row.scope == "runs" for row in self.rows)
        return [comparison_explained(self.rows), *[ONE_RUN] * single, *means]

    def _shown(self) -> pd.DataFrame:
        from elmobench.analysis.tables.comparison_table import comparison_table

        return comparison_table(self.rows)


def compare(
    results: Results | str | Path,
    left: str,
    right: str,
    *,
    by: str = "features",
    task: str | None = None,
    head: str | None = None,
    features: str | None = None,
    examples: int = 0,
    include: Sequence[str | Path] = (),
) -> Comparison:
    """Test whether ``left`` scores higher than ``right`` on each task of an experiment.

    Verdicts and intervals are those of ``elmobench compare``.

    >>> import elmobench
    >>> study = {"name": "try", "tasks": ["wsd/control-wsd"], "heads": ["paper"], "seeds": [1, 2]}
    >>> study["features"] = ["glove-mini", "elmo-mini"]
    >>> results = elmobench.run(study, tracker="none", quiet=True)
    >>> comparison = elmobench.compare(results, "elmo-mini", "glove-mini")
    >>> comparison.frame[["task", "difference", "verdict"]].round(2)
                  task  difference verdict
    0  wsd/control-wsd       10.67  better

    Args:
        results: what :func:`run` or :func:`load_results` returned, or a results folder.
        left, right: two features specs of the experiment, or two values of ``by``.
        by: compare heads or values of another axis instead.
        task: only this task.
        head: only this head.
        features: only these features, if ``by`` names another axis.
        examples: also find this many improved and worsened examples per row.
        include: folders with your own task cards, which have the texts of the examples [those that
            the experiment included].

    Raises:
        UnknownNameError: there is no such folder, or no run with one of the names or axes.
        ConfigError: nothing was run with both, or both are the same cells everywhere.
        DataError: records or predictions are missing, damaged or of different examples.
    """
    from elmobench.analysis.inspect.changed_answers import changed_answers
    from elmobench.analysis.stats import differences
    from elmobench.analysis.stats.corpora import means_by_head
    from elmobench.analysis.stats.tallies import TallyCache
    from elmobench.tracking.remembered_cards import remembered_cards

    store = RecordStore(folder_of(results))
    wanted = {"task": task, "head": head, "features": features}
    where = {key: value for key, value in wanted.items() if value is not None}
    tallies = TallyCache(store)
    rows = differences.compare(tallies, left, right, by=by, where=where)
    changed: list[ChangedAnswers | None] = []
    if examples:
        cards = remembered_cards(store, [Path(folder) for folder in include])
        changed = [changed_answers(store, row, cards) for row in rows]
    means = means_by_head(rows, tallies)
    return Comparison(by, rows, means, changed, examples, _compared_probes(tallies, rows))


def _compared_probes(tallies: TallyCache, rows: Sequence[Difference]) -> list[ProbeRow]:
    """The probes of the cells that the rows compare."""
    from elmobench.analysis.tables.probe_table import probe_rows

    names = {cell for row in rows for cell in (*row.left_cells, *row.right_cells)}
    compared = [record for record in tallies.all_records if record.cell in names]
    wanted = {(record.task, record.head, record.features) for record in compared}
    return [
        row
        for row in probe_rows(tallies.all_records)
        if (row.task, row.head, row.features) in wanted
    ]
