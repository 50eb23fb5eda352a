"""An estimate whose variance has several sources: its interval and its tests.

Each source (seeds, test units) has a variance of its own, estimated with its own degrees of
freedom. The critical value is the mean of the sources' Student quantiles, weighted by their
variances, as Cochran and Cox 1957 do for two samples. It is more cautious than that of Welch and
Satterthwaite, which rejects too often if a source with few degrees of freedom (three seeds) happens
to look small. ``python -m benchmarks.calibration`` measures how often its tests are wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scipy import optimize, stats

from elmobench.metrics.influence import PERCENT

# Tail probabilities below it count as zero. SciPy's quantiles fail below 1e-250.
_SMALLEST = 1e-100


@dataclass(frozen=True)
class Source:
    """One source of variance of an estimate.

    Attributes:
        variance: its share of the estimate's variance.
        freedom: degrees of freedom with which that was estimated.
    """

    variance: float
    freedom: float


def pooled(sources: Sequence[Source]) -> Source:
    """The variance of a sum of independent terms, from an estimate of each term's variance.

    The degrees of freedom are those of Welch 1947 and Satterthwaite 1946.

    >>> pooled([Source(1.0, 4), Source(1.0, 4)])
    Source(variance=2.0, freedom=8.0)
    """
    variance = math.fsum(source.variance for source in sources)
    if variance == 0:
        return Source(0.0, 1.0)  # without variance the degrees of freedom have no effect
    shares = math.fsum(source.variance**2 / source.freedom for source in sources)
    return Source(variance, variance**2 / shares)


@dataclass(frozen=True)
class Estimate:
    """An estimated difference, in points.

    >>> estimate = Estimate(2.0, 1.0, (Source(1.0, 4),))
    >>> [round(end, 2) for end in estimate.interval(0.95)]
    [-0.78, 4.78]

    Attributes:
        value: the difference.
        variance: its variance, above zero; None if that cannot be estimated. Then nothing is shown
            about the difference: its interval is the whole range, and its p-values are 1.
        sources: the sources of the variance. Their sum may be larger than ``variance``, since two
            sources can contain the same noise.
        largest: no two scores differ by more points.
    """

    value: float
    variance: float | None
    sources: tuple[Source, ...]
    largest: float = PERCENT

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The two-sided confidence interval, within what two scores can differ by."""
        if self.variance is None:
            return -self.largest, self.largest
        half = self._critical((1 - level) / 2) * math.sqrt(self.variance)
        return max(self.value - half, -self.largest), min(self.value + half, self.largest)

    def p_value(self) -> float:
        """Two-sided p-value of the hypothesis that the difference is zero.

        It is below 1 - ``level`` if and only if the interval of that level excludes zero.
        """
        return min(1.0, 2 * self._tail(abs(self.value)))

    def p_within(self, margin: float) -> float:
        """P-value of two one-sided tests that the difference is smaller than ``margin``.

        It is below α if and only if the interval of level 1 - 2 α lies within ± ``margin``
        (Schuirmann 1987).
        """
        return self._tail(margin - abs(self.value))

    def _tail(self, distance: float) -> float:
        """Probability of an error of at least ``distance`` in one direction."""
        if self.variance is None:
            return 1.0
        ratio = abs(distance) / math.sqrt(self.variance)
        tail = _solve(lambda p: self._critical(p) - ratio)
        return tail if distance >= 0 else 1 - tail

    def _critical(self, tail: float) -> float:
        """The weighted mean of the sources' quantiles with ``tail`` above them."""
        total = sum(source.variance for source in self.sources)
        weighted = sum(s.variance * float(stats.t.isf(tail, s.freedom)) for s in self.sources)
        return weighted / total


def mean_estimate(values: Sequence[float], smallest_variance: float = 0.0) -> Estimate:
    """The mean of independent values, one per seed, with Student's t.

    Args:
        values: at least one. If all are exactly equal, their spread is unknown.
        smallest_variance: lower bound of the variance of one value, for values that are rounded.
    """
    n = len(values)
    mean = math.fsum(values) / n
    if n < 2:
        return Estimate(mean, None, ())
    spread = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
    variance = max(spread, smallest_variance) / n
    return Estimate(mean, variance if variance > 0 else None, (Source(variance, n - 1),))


def mean_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float] | None:
    """Student's t interval for the mean of a few runs; None if their spread is unknown.

    It is unknown for runs with exactly the same value, and too little is known of it for fewer than
    three runs: of two, the interval is nine times as wide as the distance between them.
    """
    if len(values) < 3:
        return None
    estimate = mean_estimate(values)
    return None if estimate.variance is None else estimate.interval(level)


def _solve(function: Callable[[float], float]) -> float:
    """The tail probability in (0, 0.5] at which a falling function is zero."""
    if function(_SMALLEST) <= 0:
        return 0.0
    log_tail: float = optimize.brentq(
        lambda x: function(math.exp(x)), math.log(_SMALLEST), math.log(0.5), xtol=1e-10
    )
    return math.exp(log_tail)
