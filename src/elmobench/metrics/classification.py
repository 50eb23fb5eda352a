"""Accuracy and F1 of labels, equal to scikit-learn's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from elmobench.core.errors import DataError
from elmobench.metrics.base import Metric, Scores, Tally, f1_of, ratio


def f1_share(correct: int, support: int, found: int) -> float:
    """F1 between 0 and 1 of numbers of right, gold and predicted items; 0 if there are none."""
    return 2 * correct / (support + found) if support + found else 0.0


def scores_by_label(
    correct: Mapping[str, int], support: Mapping[str, int], found: Mapping[str, int]
) -> tuple[dict[str, dict[str, float]], float]:
    """Scores of every label that occurs in gold or predictions, and macro-F1.

    They are those of scikit-learn's ``precision_recall_fscore_support`` to the bit, with
    ``zero_division=0``. Scikit-learn is not used because its import takes seconds, and each call
    milliseconds.

    Args:
        correct, support, found: numbers of right, gold and predicted items by label.

    Returns:
        By label, in sorted order: precision, recall and F1 in percent, and support. Then the
        unweighted mean of F1 in percent, which is 0 without labels.
    """
    rows: dict[str, dict[str, float]] = {}
    shares = []
    for label in sorted({*support, *found}):
        right, gold, guessed = (counts.get(label, 0) for counts in (correct, support, found))
        shares.append(f1_share(right, gold, guessed))
        rows[label] = {
            "precision": 100 * (right / guessed) if guessed else 0.0,
            "recall": 100 * (right / gold) if gold else 0.0,
            "f1": 100 * shares[-1],
            "support": float(gold),
        }
    return rows, 100 * float(np.mean(shares)) if shares else 0.0


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
        correct = Counter(g for g, p in zip(gold, predicted, strict=True) if g == p)
        rows, macro_f1 = scores_by_label(correct, Counter(gold), Counter(predicted))
        values = {"accuracy": 100 * (correct.total() / len(gold)), "macro_f1": macro_f1}
        return Scores(primary=self.primary, values=values, per_class=rows)

    def tally(self, gold: Sequence[Any], systems: Sequence[Sequence[Any]]) -> Tally:
        """See :meth:`Metric.tally`."""
        return self._tally(
            gold, systems, lambda a, b: (a == b, 1), lambda sums: ratio(sums[..., 0], sums[..., 1])
        )


class MacroF1(Classification):
    """The same scores; macro-F1 is the primary score."""

    name: ClassVar[str] = "macro-f1"
    primary: ClassVar[str] = "macro_f1"

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
