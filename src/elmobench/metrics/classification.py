"""Accuracy and F1 of labels, by scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from elmobench.errors import DataError
from elmobench.metrics.base import Metric, Scores


class Classification(Metric):
    """Gold and predicted are one label an example.

    ``macro_f1`` is the unweighted mean of F1 over the labels that occur in gold or in the
    predictions (scikit-learn's default, given here as explicit ``labels``); a label that is
    only predicted counts with F1 0. A ratio without denominator is 0.
    """

    name: ClassVar[str] = "accuracy"
    version: ClassVar[int] = 1
    primary: ClassVar[str] = "accuracy"

    def compute(self, gold: Sequence[Any], predicted: Sequence[Any]) -> Scores:
        """``accuracy`` and ``macro_f1`` in percent; per label precision, recall, f1, support."""
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
            raise DataError("there is nothing to score", where=self.name)
        gold, predicted = list(gold), list(predicted)
        labels = sorted({*gold, *predicted})
        precision, recall, f1, support = precision_recall_fscore_support(
            gold, predicted, labels=labels, average=None, zero_division=0
        )
        rows = {
            label: {
                "precision": 100 * float(precision[i]),
                "recall": 100 * float(recall[i]),
                "f1": 100 * float(f1[i]),
                "support": float(support[i]),
            }
            for i, label in enumerate(labels)
        }
        values = {
            "accuracy": 100 * float(accuracy_score(gold, predicted)),
            "macro_f1": 100 * float(f1.mean()),
        }
        return Scores(primary=self.primary, values=values, per_class=rows)


class MacroF1(Classification):
    """The same scores, led by macro-F1."""

    name: ClassVar[str] = "macro-f1"
    primary: ClassVar[str] = "macro_f1"


ACCURACY = Classification()
MACRO_F1 = MacroF1()
