"""The one system that is shown to be better than each other one, which tables print in bold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from elmobench.analysis.stats.difference_row import ALPHA, Difference, Verdict
from elmobench.analysis.stats.differences import corrected
from elmobench.core.errors import ConfigError, DataError

_WINS: Mapping[bool, Verdict] = {True: "better", False: "worse"}
"""The verdict of a difference in which one is shown to be better: as its left side, or not."""


def shown_best(
    means: Mapping[str, float],
    differences: Callable[[str, str], Sequence[Difference]],
) -> str | None:
    """The system that is shown to be better than each other one; None if none is.

    Verdicts are corrected by Holm over all comparisons with the others. The others are compared
    in the order of their means, and none after one that is not shown to be worse.

    Args:
        means: mean score of each system.
        differences: the comparisons of the system with the highest mean (first argument) and
            another one, either of which can be their left side; it raises ConfigError or
            DataError if they cannot be compared.
    """
    best = max(means, key=lambda name: means[name])
    rows: list[Difference] = []
    for other in sorted((name for name in means if name != best), key=lambda name: -means[name]):
        try:
            new = differences(best, other)
        except (ConfigError, DataError):
            return None  # the same cells, or their predictions are not stored
        # A correction only makes p-values larger, so these rows will not show anything.
        if any(_shows_nothing(row, best) for row in new):
            return None
        rows += new
    shown = all(row.verdict == _WINS[row.left == best] for row in corrected(rows))
    return best if rows and shown else None


def _shows_nothing(row: Difference, best: str) -> bool:
    sign = 1 if row.left == best else -1
    return row.scope == "runs" or row.estimate.p_value() >= ALPHA or sign * row.difference <= 0
