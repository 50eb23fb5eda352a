"""Scores of predicted tree distances and tree depths, as in structural probing.

Source: Hewitt and Manning 2019, *A Structural Probe for Finding Syntax in Word Representations*, in
the code that they published (``structural-probes/reporter.py``), which decides every detail.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from elmobench.core.errors import DataError, UndefinedScoreError
from elmobench.data.trees import (
    scored_words,
    spanning_edges,
    tree_depths,
    tree_distances,
    tree_edges,
)
from elmobench.metrics.base import Metric, Scores, Tally, ratio
from elmobench.metrics.influence import PERCENT, CountInfluence, Floats, Influence, summed_by_unit

LENGTHS = range(5, 51)
"""Lengths of the sentences over which rank correlations are averaged, in words."""


class TreeMetric(Metric):
    """Base of the metrics of one number per pair of words, or per word.

    A gold annotation is ``{"heads": [...], "punctuation": [...]}``, as in
    :class:`~elmobench.data.examples.TreeText`. Two scores are computed: one that compares what is
    least (edges of spanning trees, roots), leaving out punctuation; and Spearman's correlation,
    which includes it. The correlation is averaged over the sentences of each length from 5 to 50
    words, then over the lengths that occur. A correlation with equal numbers throughout is
    undefined and counts as 0; the published code gives NaN for the whole test set.
    """

    version: ClassVar[int] = 1
    least: ClassVar[str]
    correlation: ClassVar[str]

    @abstractmethod
    def _numbers_of(self, length: int) -> int:
        """How many numbers a prediction for a sentence has."""

    @abstractmethod
    def _least_counts(self, gold: Any, predicted: Floats) -> tuple[int, int]:
        """Right answers and all answers about what is least in one sentence."""

    @abstractmethod
    def _spearman(self, gold: Any, predicted: Floats) -> float:
        """Spearman's correlation of one sentence, between -1 and 1."""

    def compute(self, gold: Sequence[Any], predicted: Sequence[Any]) -> Scores:
        """Both scores in percent; the correlation times 100.

        The correlation is left out if no sentence has 5 to 50 words.

        Raises:
            DataError: for a different number of sentences, no sentence, a gold annotation that is
                no tree, or a prediction that does not have one finite number per pair of words or
                per word.
            UndefinedScoreError: the correlation is the primary score, and no sentence has 5 to 50
                words.
        """
        rows = list(self._sentences(gold, predicted))
        counts = np.array([self._least_counts(*row) for row in rows], dtype=np.float64)
        values = {self.least: float(ratio(*counts.sum(axis=0)[:, None])[0])}
        sums = np.array([self._correlation_counts(*row) for row in rows]).sum(axis=0)
        correlation = float(_mean_of_lengths(sums))
        if not np.isnan(correlation):
            values[self.correlation] = correlation
        elif self.primary == self.correlation:
            raise UndefinedScoreError(
                f"no sentence has {LENGTHS[0]} to {LENGTHS[-1]} words",
                where=self.name,
                fix=f"use the metric of {self.least!r}",
            )
        return Scores(primary=self.primary, values=values)

    def tally(self, gold: Sequence[Any], systems: Sequence[Sequence[Any]]) -> Tally:
        """See :meth:`Metric.tally`.

        The counts are right answers and all answers; or, for each length from 5 to 50, the sum of
        the correlations of its sentences, and their number.
        """
        is_correlation = self.primary == self.correlation
        count = self._correlation_counts if is_correlation else self._least_counts
        rows = [[count(*row) for row in self._sentences(gold, one)] for one in systems]
        return Tally(
            np.array(rows, dtype=np.float64),
            _mean_of_lengths if is_correlation else lambda sums: ratio(sums[..., 0], sums[..., 1]),
        )

    def influence(
        self, gold: Sequence[Any], systems: Sequence[Sequence[Any]], units: Sequence[str]
    ) -> Influence:
        """See :meth:`Metric.influence`; correlations may be negative."""
        tally = self.tally(gold, systems)
        largest = 2 * PERCENT if self.primary == self.correlation else PERCENT
        return CountInfluence(summed_by_unit(tally.counts, units), tally.score, largest)

    def example_scores(self, gold: Sequence[Any], systems: Sequence[Sequence[Any]]) -> Floats:
        """See :meth:`Metric.example_scores`; a correlation is that of the sentence itself."""
        if self.primary != self.correlation:
            return super().example_scores(gold, systems)
        rows = [
            [self._spearman(*row) for row in self._sentences(gold, predicted)]
            for predicted in systems
        ]
        return PERCENT * np.array(rows)

    def _correlation_counts(self, gold: Any, predicted: Floats) -> Floats:
        """(2 x lengths,) the correlation and 1 at the length of the sentence."""
        counts = np.zeros((2, len(LENGTHS)))
        length = len(gold["heads"])
        if length in LENGTHS:
            counts[:, length - LENGTHS[0]] = self._spearman(gold, predicted), 1.0
        return counts.reshape(-1)

    def _sentences(
        self, gold: Sequence[Any], predicted: Sequence[Any]
    ) -> Iterator[tuple[Any, Floats]]:
        """Gold annotations and the numbers predicted, checked; see :meth:`compute`."""
        if len(gold) != len(predicted):
            raise DataError(
                f"{len(gold)} gold trees but {len(predicted)} predictions", where=self.name
            )
        if len(gold) == 0:
            raise DataError("there are no sentences to score", where=self.name)
        for i, (tree, answer) in enumerate(zip(gold, predicted, strict=True)):
            try:
                tree_depths(tree["heads"])
            except (TypeError, KeyError, ValueError) as error:
                raise DataError(f"is no tree: {error}", where=f"{self.name}, gold {i}") from error
            where = f"{self.name}, predicted {i}"
            expected = self._numbers_of(len(tree["heads"]))
            if not isinstance(answer, list | tuple) or not all(
                isinstance(value, int | float) and not isinstance(value, bool) for value in answer
            ):
                raise DataError("must be a list of numbers", where=where)
            if len(answer) != expected:
                raise DataError(
                    f"has {len(answer)} numbers, expected {expected} for a sentence of "
                    f"{len(tree['heads'])} words",
                    where=where,
                )
            numbers = np.array(answer, dtype=np.float64)
            if not np.isfinite(numbers).all():
                raise DataError("has a number that is not finite", where=where)
            yield tree, numbers


class Uuas(TreeMetric):
    """UUAS and DSpr of distances between words.

    A prediction has one number for each pair of words: (1, 2), (1, 3), …, (2, 3), …, as
    ``scipy.spatial.distance.squareform`` reads it. Only their order matters.

    ``uuas``: the share of the edges of the gold trees that are in the minimum spanning trees of the
    predicted distances. Both trees connect the words that are no punctuation; where a mark of
    punctuation has dependents, the gold tree is the minimum spanning tree of the gold distances, as
    in the published code. ``dspr``: of each word, Spearman's correlation of the predicted and the
    gold distances to all words of the sentence; their mean over the words. Published code includes
    the word itself, at distance 0, and so does this.
    """

    name: ClassVar[str] = "uuas"
    primary: ClassVar[str] = "uuas"
    least: ClassVar[str] = "uuas"
    correlation: ClassVar[str] = "dspr"

    def _numbers_of(self, length: int) -> int:
        return length * (length - 1) // 2

    def _least_counts(self, gold: Any, predicted: Floats) -> tuple[int, int]:
        length = len(gold["heads"])
        words = scored_words(length, gold["punctuation"])
        truth = tree_edges(gold["heads"], words)
        answer = spanning_edges(_square(predicted, length), words)
        return len({*truth} & {*answer}), len(truth)

    def _spearman(self, gold: Any, predicted: Floats) -> float:
        distances = tree_distances(gold["heads"])
        return _mean_correlation(distances, _square(predicted, len(distances)))


class Dspr(Uuas):
    """The same scores; DSpr is the primary score."""

    name: ClassVar[str] = "dspr"
    primary: ClassVar[str] = "dspr"


class RootAccuracy(TreeMetric):
    """Root accuracy and NSpr of the depths of words.

    A prediction has one number per word. Only their order matters.

    ``root_accuracy``: the share of the sentences whose root has the least depth of all words that
    are no punctuation; of equal depths the first one counts. ``nspr``: Spearman's correlation of
    the predicted and the gold depths of all words.
    """

    name: ClassVar[str] = "root-accuracy"
    primary: ClassVar[str] = "root_accuracy"
    least: ClassVar[str] = "root_accuracy"
    correlation: ClassVar[str] = "nspr"

    def _numbers_of(self, length: int) -> int:
        return length

    def _least_counts(self, gold: Any, predicted: Floats) -> tuple[int, int]:
        length = len(predicted)
        words = scored_words(length, gold["punctuation"]) or list(range(length))
        root = words[int(np.argmin(predicted[words]))]
        return int(gold["heads"][root] == -1), 1

    def _spearman(self, gold: Any, predicted: Floats) -> float:
        return _mean_correlation(tree_depths(gold["heads"])[None], predicted[None])


class Nspr(RootAccuracy):
    """The same scores; NSpr is the primary score."""

    name: ClassVar[str] = "nspr"
    primary: ClassVar[str] = "nspr"


def _square(pairs: Floats, length: int) -> Floats:
    """(T, T) symmetric matrix from its T (T - 1) / 2 numbers above the diagonal, row by row."""
    matrix = np.zeros((length, length))
    rows, columns = np.triu_indices(length, 1)
    matrix[rows, columns] = pairs
    matrix[columns, rows] = pairs
    return matrix


def _mean_correlation(gold: NDArray[np.int64], predicted: Floats) -> float:
    """Mean over the rows of two (N, T) matrices of Spearman's correlation of the two rows.

    An undefined one counts as 0.
    """
    from scipy.stats import rankdata

    # Ranks are multiples of 1/2, and their mean is (T + 1) / 2: all of this is exact.
    x, y = (rankdata(side, axis=1) - (side.shape[1] + 1) / 2 for side in (gold, predicted))
    scale = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    products = (x * y).sum(axis=1)
    return float(np.divide(products, scale, out=np.zeros(len(scale)), where=scale > 0).mean())


def _mean_of_lengths(sums: Floats) -> Floats:
    """(…) mean over the lengths that occur, in percent, of (…, 2 x lengths) sums; NaN if none."""
    totals, numbers = np.split(np.asarray(sums), 2, axis=-1)
    means = np.divide(totals, numbers, out=np.zeros_like(totals), where=numbers > 0)
    occurring = (numbers > 0).sum(axis=-1)
    return np.asarray(
        PERCENT * np.where(occurring > 0, means.sum(axis=-1) / np.maximum(occurring, 1), np.nan)
    )


UUAS = Uuas()
DSPR = Dspr()
ROOT_ACCURACY = RootAccuracy()
NSPR = Nspr()
