"""Accuracy and F1 of labels, computed by scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import eq
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from elmobench.core.errors import DataError
from elmobench.metrics.base import Metric, Scores, Tally, f1_of, ratio


def scores_by_label(
    labels: Sequence[str],
    precision: NDArray[np.float64],
    recall: NDArray[np.float64],
    f1: NDArray[np.float64],
    support: NDArray[np.int64],
) -> dict[str, dict[str, float]]:
    """Scores in percent and support by label, from the columns that scikit-learn returns."""
    return {
        label: {
            "precision": 100 * float(precision[i]),
            "recall": 100 * float(recall[i]),
            "f1": 100 * float(f1[i]),
            "support": float(support[i]),
        }
        for i, label in enumerate(labels)
    }


class Classification(Metric):
    """Gold and predicted annotations are one label (a string) per example.

    ``macro_f1`` is the unweighted mean of F1 over the labels that occur in gold or predictions,
    which is the default of scikit-learn. So a label that is only predicted counts with F1 0. A
    ratio with denominator 0 is 0.
    """

    name: ClassVar[str] = "accuracy"
    version: ClassVar[int] = 1
    primary: ClassVar[str] = "accuracy"

    def compute(self, gold: Sequence[Any], predicted: Sequence[Any]) -> Scores:
        """``accuracy`` and ``macro_f1`` in percent; by label precision, recall, f1 and support.

        Raises:
            DataError: for a different number of labels, no labels, or labels that are not strings.
        """
        self._check(gold, predicted)
        # Imported here: it takes a second, and training can begin without it.
        from sklearn.metrics import accuracy_score, precision_recall_fscore_support

        gold, predicted = list(gold), list(predicted)
        labels = sorted({*gold, *predicted})
        precision, recall, f1, support = precision_recall_fscore_support(
            gold, predicted, labels=labels, average=None, zero_division=0
        )
        rows = scores_by_label(labels, precision, recall, f1, support)
        values = {
            "accuracy": 100 * float(accuracy_score(gold, predicted)),
            "macro_f1": 100 * float(f1.mean()),
        }
        return Scores(primary=self.primary, values=values, per_class=rows)

    def scorer(self, gold: Sequence[Any]) -> Callable[[Sequence[Any]], float]:
        """See :meth:`Metric.scorer`; the scores of each label are left out."""

        def score(predicted: Sequence[Any]) -> float:
            self._check(gold, predicted)
            correct: int = sum(map(eq, gold, predicted))
            return 100 * (correct / len(gold))

        return score

    def _check(self, gold: Sequence[Any], predicted: Sequence[Any]) -> None:
        """Raise the errors of :meth:`compute`."""
        if len(gold) != len(predicted):
            raise DataError(
                f"{len(gold)} gold labels but {len(predicted)} predictions", where=self.name
            )
        for i, label in enumerate([*gold, *predicted]):
            if not isinstance(label, str):
                side = "gold" if i < len(gold) else "predicted"
                raise DataError(
                    f"a label must be a string, got {label!r}",
                    where=f"{self.name}, {side} {i % len(gold)}",
                )
        if len(gold) == 0:
            raise DataError("there are no examples to score", where=self.name)

    def tally(self, gold: Sequence[Any], systems: Sequence[Sequence[Any]]) -> Tally:
        """See :meth:`Metric.tally`."""
        return self._tally(
            gold, systems, lambda a, b: (a == b, 1), lambda sums: ratio(sums[..., 0], sums[..., 1])
        )


class MacroF1(Classification):
    """The same scores; macro-F1 is the primary score."""

    name: ClassVar[str] = "macro-f1"
    primary: ClassVar[str] = "macro_f1"

    def scorer(self, gold: Sequence[Any]) -> Callable[[Sequence[Any]], float]:
        """See :meth:`Metric.scorer`."""
        return Metric.scorer(self, gold)

    def tally(self, gold: Sequence[Any], systems: Sequence[Sequence[Any]]) -> Tally:
        """See :meth:`Metric.tally`; the counts are correct, gold and predicted for each label."""
        labels = sorted({*gold, *(label for system in systems for label in system)})

        def count(truth: Any, answer: Any) -> list[float]:
            return [
                float(value)
                for label in labels
                for value in (truth == answer == label, truth == label, answer == label)
            ]

        return self._tally(gold, systems, count, _macro)


def _macro(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    by_label = sums.reshape(*sums.shape[:-1], -1, 3)
    occurs = by_label[..., 1:].any(axis=-1)
    return np.asarray(f1_of(by_label).sum(axis=-1) / np.maximum(occurs.sum(axis=-1), 1))


ACCURACY = Classification()
MACRO_F1 = MacroF1()
