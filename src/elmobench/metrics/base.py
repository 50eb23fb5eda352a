"""The interface of metrics: official scores from gold and predicted annotations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from elmobench.core.errors import DataError
from elmobench.core.registry import Registry
from elmobench.metrics.influence import CountInfluence, Floats, Influence, summed_by_unit


@dataclass(frozen=True)
class Scores:
    """Scores of one evaluation, in percent unless stated otherwise.

    Attributes:
        primary: key in ``values`` of the score that model selection and tables use.
        values: all overall scores.
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
    """Counts per example whose sums determine the score, for tests of differences between systems.

    Attributes:
        counts: (systems, examples, K) float64 counts.
        score: computes primary scores (...) in percent from sums of counts (..., K).
    """

    counts: NDArray[np.float64]
    score: Callable[[NDArray[np.float64]], NDArray[np.float64]]


class Metric(ABC):
    """A metric that is computed from stored predictions only, so that it can be recomputed later.

    Attributes:
        name: its name in task cards and records.
        version: changes when scores change.
        primary: key of the primary score.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    primary: ClassVar[str]

    @abstractmethod
    def compute(self, gold: Sequence[Any], predicted: Sequence[Any]) -> Scores:
        """Score predictions against gold annotations.

        >>> get_metric("accuracy").compute(["pos", "neg"], ["pos", "pos"]).score
        50.0

        Args:
            gold: one annotation per example; each metric describes its form.
            predicted: the predictions, in the same order.

        Raises:
            DataError: if the two differ in number, or an annotation has another form.
        """

    def scorer(self, gold: Sequence[Any]) -> Callable[[Sequence[Any]], float]:
        """A function from predictions to the primary score of :meth:`compute`, equal to the bit.

        Training calls it for each model after each epoch. A metric overrides this method where the
        other scores, or reading the same gold annotations again, take most of the time.

        >>> get_metric("accuracy").scorer(["pos", "neg"])(["pos", "pos"])
        50.0

        Args:
            gold: one annotation per example.
        """
        return lambda predicted: self.compute(gold, predicted).score

    def tally(self, gold: Sequence[Any], systems: Sequence[Sequence[Any]]) -> Tally:
        """Counts per example that determine the primary score, for several systems.

        For every subset of the examples, ``score`` of the summed counts equals the primary score
        of :meth:`compute` on that subset.

        Args:
            gold: one annotation per example.
            systems: the predictions of each system, in the same order.

        Raises:
            DataError: if predictions differ from gold in number or form, or the metric does not
                implement this method.
        """
        raise DataError(
            f"metric {self.name!r} has no counts per example: differences in it cannot be tested",
            fix="implement the method 'tally' or 'influence' of the metric",
        )

    def influence(
        self, gold: Sequence[Any], systems: Sequence[Sequence[Any]], units: Sequence[str]
    ) -> Influence:
        """What each test unit contributes to the primary scores of several systems.

        By default it follows from :meth:`tally`. A metric whose score does not depend on sums, such
        as a rank correlation, overrides this method instead, and :meth:`example_scores`.

        Args:
            gold: one annotation per example.
            systems: the predictions of each system, in the same order.
            units: the resampling unit of each example.

        Raises:
            DataError: see :meth:`tally`.
        """
        tally = self.tally(gold, systems)
        return CountInfluence(summed_by_unit(tally.counts, units), tally.score)

    def example_scores(self, gold: Sequence[Any], systems: Sequence[Sequence[Any]]) -> Floats:
        """(systems, examples) how good each prediction is, by default the score of it alone.

        Higher is better. It orders the examples that two systems predict differently.

        Raises:
            DataError: see :meth:`tally`.
        """
        tally = self.tally(gold, systems)
        return tally.score(tally.counts)

    @property
    def has_influence(self) -> bool:
        """Whether the metric implements :meth:`tally` or :meth:`influence`."""
        kind = type(self)
        return kind.tally is not Metric.tally or kind.influence is not Metric.influence

    def _tally(
        self,
        gold: Sequence[Any],
        systems: Sequence[Sequence[Any]],
        count: Callable[[Any, Any], Sequence[float]],
        score: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    ) -> Tally:
        """A tally with the counts ``count(gold, predicted)`` of each example.

        :meth:`compute` runs first, for its checks.
        """
        for predicted in systems:
            self.compute(gold, predicted)
        rows = [[count(*pair) for pair in zip(gold, system, strict=True)] for system in systems]
        return Tally(np.asarray(rows, dtype=np.float64), score)


def ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """``100 * part / whole``, elementwise; 0 where ``whole`` is 0."""
    return np.divide(100 * part, whole, out=np.zeros_like(part), where=whole > 0)


def f1_of(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """F1 (...) in percent from sums (..., 3) of correct, gold and predicted items."""
    return ratio(2 * sums[..., 0], sums[..., 1] + sums[..., 2])


METRICS: Registry[Metric] = Registry("metric", "elmobench.metrics")
METRICS.add_lazy(
    "accuracy",
    "elmobench.metrics.classification:ACCURACY",
    "accuracy and macro-F1, with scores by label",
)
METRICS.add_lazy(
    "macro-f1",
    "elmobench.metrics.classification:MACRO_F1",
    "the same scores, with macro-F1 as primary score",
)
METRICS.add_lazy(
    "label-set-micro-f1",
    "elmobench.metrics.label_sets:LABEL_SET_MICRO_F1",
    "micro-F1, macro-F1 and subset accuracy of sets of labels",
)
METRICS.add_lazy(
    "label-set-macro-f1",
    "elmobench.metrics.label_sets:LABEL_SET_MACRO_F1",
    "the same scores, with macro-F1 as primary score",
)
METRICS.add_lazy(
    "subset-accuracy",
    "elmobench.metrics.label_sets:SUBSET_ACCURACY",
    "the same scores, with subset accuracy as primary score",
)
METRICS.add_lazy(
    "pearson",
    "elmobench.metrics.correlation:PEARSON",
    "Pearson's and Spearman's correlation of numbers, and the mean squared error",
)
METRICS.add_lazy(
    "spearman",
    "elmobench.metrics.correlation:SPEARMAN",
    "the same scores, with Spearman's correlation as primary score",
)
METRICS.add_lazy(
    "token-accuracy",
    "elmobench.metrics.tokens:TOKEN_ACCURACY",
    "accuracy over all tokens, with scores by tag",
)
METRICS.add_lazy(
    "edge-micro-f1",
    "elmobench.metrics.edges:EDGE_MICRO_F1",
    "micro-F1, macro-F1 and accuracy of the labels of edges",
)
METRICS.add_lazy(
    "edge-accuracy",
    "elmobench.metrics.edges:EDGE_ACCURACY",
    "the same scores, with the accuracy as primary score",
)
METRICS.add_lazy(
    "uuas",
    "elmobench.metrics.trees:UUAS",
    "edges of trees from distances of words (UUAS), and rank correlation of distances (DSpr)",
)
METRICS.add_lazy(
    "dspr", "elmobench.metrics.trees:DSPR", "the same scores, with DSpr as primary score"
)
METRICS.add_lazy(
    "root-accuracy",
    "elmobench.metrics.trees:ROOT_ACCURACY",
    "roots of trees from depths of words, and rank correlation of depths (NSpr)",
)
METRICS.add_lazy(
    "nspr", "elmobench.metrics.trees:NSPR", "the same scores, with NSpr as primary score"
)
METRICS.add_lazy("span-f1", "elmobench.metrics.spans:SPAN_F1", "span F1, equal to conlleval")
METRICS.add_lazy("srl-f1", "elmobench.metrics.srl:SRL_F1", "argument F1, equal to srl-eval.pl")
METRICS.add_lazy(
    "squad", "elmobench.metrics.squad:SQUAD", "F1 and exact match of answers, equal to SQuAD v1.1"
)
METRICS.add_lazy(
    "exact-match",
    "elmobench.metrics.squad:EXACT_MATCH",
    "the same scores, with exact match as primary score",
)
METRICS.add_lazy(
    "wsd-f1",
    "elmobench.metrics.senses:WSD_F1",
    "F1 of word senses, equal to the unified WSD scorer",
)
METRICS.add_lazy(
    "coref",
    "elmobench.metrics.coreference:COREFERENCE",
    "MUC, B³, CEAFe, LEA and the CoNLL average, with and without singletons",
)
METRICS.add_lazy("gap", "elmobench.metrics.gap:GAP", "F1 of ambiguous pronouns, by gender")


def get_metric(name: str) -> Metric:
    """The metric with the given name.

    >>> get_metric("span-f1").compute([["B-PER", "I-PER", "O"]], [["B-PER", "I-PER", "O"]]).score
    100.0

    Raises:
        UnknownNameError: if there is no such metric.
    """
    return METRICS.get(name)
