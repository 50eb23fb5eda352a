"""What a metric is: gold and predicted annotations in, official scores out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from elmobench.core.errors import DataError
from elmobench.core.registry import Registry


@dataclass(frozen=True)
class Scores:
    """Scores of one evaluation, in percent unless the name says otherwise.

    Attributes:
        primary: key in ``values`` of the score that model choice and tables use.
        values: every overall score.
        per_class: scores by label or entity type, with their ``support``.
    """

    primary: str
    values: dict[str, float]
    per_class: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def score(self) -> float:
        """The primary score."""
        return self.values[self.primary]


@dataclass(frozen=True)
class Tally:
    """What adds up over examples, for tests that resample or swap them.

    Attributes:
        counts: (systems, examples, K) float64; the scores need their sums over examples alone.
        score: sums of shape (..., K) to the primary score in percent, of shape (...).
    """

    counts: NDArray[np.float64]
    score: Callable[[NDArray[np.float64]], NDArray[np.float64]]


class Metric(ABC):
    """Computed from stored predictions alone, so that it can be recomputed later."""

    name: ClassVar[str]
    version: ClassVar[int]
    primary: ClassVar[str]

    @abstractmethod
    def compute(self, gold: Sequence[Any], predicted: Sequence[Any]) -> Scores:
        """Score ``predicted[i]`` against ``gold[i]``.

        Raises:
            DataError: if the two differ in number or shape.
        """

    def tally(self, gold: Sequence[Any], systems: Sequence[Sequence[Any]]) -> Tally:
        """The same score in counts that add up over examples, for several systems.

        For every subset of the examples, ``score`` of the summed counts is the primary score
        of :meth:`compute` on that subset.

        Args:
            gold: one annotation an example.
            systems: the predictions of each system, in the same order.

        Raises:
            DataError: if predictions differ from gold in number or shape, or the metric has no
                such counts.
        """
        raise DataError(
            f"metric {self.name!r} does not say what adds up over examples, so differences in it "
            "cannot be tested",
            fix="give the metric a method 'tally'",
        )

    def _tally(
        self,
        gold: Sequence[Any],
        systems: Sequence[Sequence[Any]],
        count: Callable[[Any, Any], Sequence[float]],
        score: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    ) -> Tally:
        """A tally of ``count(gold, predicted)`` of each example, after :meth:`compute`'s checks."""
        for predicted in systems:
            self.compute(gold, predicted)
        rows = [[count(*pair) for pair in zip(gold, system, strict=True)] for system in systems]
        return Tally(np.asarray(rows, dtype=np.float64), score)


def ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """``100 * part / whole``; 0 where there is nothing."""
    return np.divide(100 * part, whole, out=np.zeros_like(part), where=whole > 0)


def f1_of(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """F1 in percent of sums (..., 3): correct, gold, found."""
    return ratio(2 * sums[..., 0], sums[..., 1] + sums[..., 2])


METRICS: Registry[Metric] = Registry("metric", "elmobench.metrics")
METRICS.add_lazy(
    "accuracy", "elmobench.metrics.classification:ACCURACY", "accuracy, macro-F1, per-class rows"
)
METRICS.add_lazy(
    "macro-f1", "elmobench.metrics.classification:MACRO_F1", "the same, led by macro-F1"
)
METRICS.add_lazy(
    "token-accuracy",
    "elmobench.metrics.tokens:TOKEN_ACCURACY",
    "accuracy over all tokens, rows by tag",
)
METRICS.add_lazy("span-f1", "elmobench.metrics.spans:SPAN_F1", "span F1 equal to conlleval")
METRICS.add_lazy("srl-f1", "elmobench.metrics.srl:SRL_F1", "argument F1 equal to srl-eval.pl")
METRICS.add_lazy(
    "squad", "elmobench.metrics.squad:SQUAD", "F1 and exact match of answers, as SQuAD v1.1"
)
METRICS.add_lazy(
    "exact-match", "elmobench.metrics.squad:EXACT_MATCH", "the same, led by exact match"
)
METRICS.add_lazy(
    "wsd-f1", "elmobench.metrics.senses:WSD_F1", "F1 of senses equal to the unified WSD scorer"
)
METRICS.add_lazy(
    "coref",
    "elmobench.metrics.coreference:COREFERENCE",
    "MUC, B³, CEAFe, LEA and the CoNLL average, with and without singletons",
)
METRICS.add_lazy("gap", "elmobench.metrics.gap:GAP", "F1 of ambiguous pronouns, by gender")


def get_metric(name: str) -> Metric:
    """The metric registered as ``name``."""
    return METRICS.get(name)
