"""The mean of a comparison over corpora.

Tasks that share texts are not independent: SST-5, SST-2 and MR annotate the same reviews. So each
corpus has the same weight, whatever the number of its tasks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from elmobench.analysis.stats.difference_row import Difference, Scope
from elmobench.analysis.stats.estimate import Estimate, Source
from elmobench.analysis.stats.tallies import TallyCache
from elmobench.tracking.data_origin import corpus_of


@dataclass(frozen=True)
class CorpusMean:
    """The mean difference over corpora.

    Attributes:
        estimate: the mean of the corpora's means.
        corpora: corpus -> tasks that were compared on it.
        scope: ``runs`` if one of the comparisons is about single runs; see :class:`Difference`.
    """

    estimate: Estimate
    corpora: dict[str, tuple[str, ...]]
    scope: Scope

    def __str__(self) -> str:
        low, high = self.estimate.interval()
        about = ", about these runs only" if self.scope == "runs" else ""
        return f"{self.estimate.value:+.2f} ({low:+.2f} … {high:+.2f}{about})"


def means_by_head(rows: Sequence[Difference], tallies: TallyCache) -> dict[str, CorpusMean]:
    """Head -> mean over corpora of its comparisons; left out if there is one corpus.

    Args:
        rows: comparisons of the same two systems. Of a task that was compared on several folds,
            the row for the mean over folds counts.
        tallies: of the folder of the compared runs.
    """
    folded = {(row.task, row.head) for row in rows if row.is_fold_mean}
    by_head: dict[str, list[Difference]] = defaultdict(list)
    for row in rows:
        if row.is_fold_mean or (row.task, row.head) not in folded:
            by_head[row.head].append(row)
    corpora = {row.task: corpus_of(tallies.by_cell[row.left_cells[0]]) for row in rows}
    means = {head: mean_over_corpora(own, corpora) for head, own in by_head.items()}
    return {head: mean for head, mean in means.items() if len(mean.corpora) > 1}


def mean_over_corpora(rows: Sequence[Difference], corpora: Mapping[str, str]) -> CorpusMean:
    """The mean difference over corpora, about these corpora and not about others.

    Differences on tasks of one corpus are taken as moving together (the error of their mean is the
    mean of their errors), those of different corpora as independent.

    Args:
        rows: comparisons of the same two systems, one or several on each task.
        corpora: task -> name of its corpus.
    """
    groups: dict[str, list[Difference]] = defaultdict(list)
    for row in rows:
        groups[corpora[row.task]].append(row)
    count = len(groups)
    value = float(np.mean([np.mean([row.difference for row in g]) for g in groups.values()]))
    scope: Scope = "runs" if any(row.scope == "runs" for row in rows) else "systems"
    largest = max(row.estimate.largest for row in rows)
    sources = []
    for group in groups.values():
        variances = [row.estimate.variance for row in group]
        if any(known is None for known in variances):
            return CorpusMean(Estimate(value, None, (), largest), _tasks(groups), scope)
        variance = float(np.mean(np.sqrt(np.array(variances, dtype=float)))) ** 2 / count**2
        total = sum(source.variance for row in group for source in row.estimate.sources)
        # The sources keep their shares; those of seeds have few degrees of freedom.
        sources += [
            Source(variance * source.variance / total, source.freedom)
            for row in group
            for source in row.estimate.sources
        ]
    variance = sum(source.variance for source in sources)
    estimate = Estimate(value, variance, tuple(sources), largest)
    return CorpusMean(estimate, _tasks(groups), scope)


def _tasks(groups: Mapping[str, Sequence[Difference]]) -> dict[str, tuple[str, ...]]:
    return {
        corpus: tuple(dict.fromkeys(row.task for row in rows)) for corpus, rows in groups.items()
    }
