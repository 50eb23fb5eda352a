"""Micro-F1, macro-F1 and subset accuracy of sets of labels, computed by scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from elmobench.core.errors import DataError
from elmobench.metrics.base import Metric, Scores, Tally, f1_of, ratio
from elmobench.metrics.classification import scores_by_label

Floats = NDArray[np.float64]


def check_label_set(annotation: Any, where: str) -> None:
    """Check that an annotation is a list of distinct labels, which may be empty.

    Raises:
        DataError: it is none.
    """
    if not isinstance(annotation, list | tuple) or not all(
        isinstance(label, str) for label in annotation
    ):
        raise DataError(f"must be a list of labels, got {annotation!r}", where=where)
    if len(set(annotation)) < len(annotation):
        raise DataError(f"a label appears twice in {annotation!r}", where=where)


class LabelSetMicroF1(Metric):
    """Gold and predicted annotations are a list of distinct labels per example; it may be empty.

    A ratio with denominator 0 is 0 (``zero_division=0`` of scikit-learn): micro-F1 is 0 if no
    example has a gold or a predicted label. ``macro_f1`` is the unweighted mean of F1 over the
    labels that occur in gold or predictions, and 0 if none does.
    """

    name: ClassVar[str] = "label-set-micro-f1"
    version: ClassVar[int] = 1
    primary: ClassVar[str] = "micro_f1"

    def compute(self, gold: Sequence[Any], predicted: Sequence[Any]) -> Scores:
        """``micro_f1``, ``macro_f1`` and ``subset_accuracy`` in percent, and scores by label.

        ``subset_accuracy`` is the share of examples whose whole set is right.

        Raises:
            DataError: for a different number of examples, no examples, or annotations that are
                not lists of distinct strings.
        """
        if len(gold) != len(predicted):
            raise DataError(
                f"{len(gold)} gold label sets but {len(predicted)} predictions", where=self.name
            )
        if len(gold) == 0:
            raise DataError("there are no examples to score", where=self.name)
        for side, rows in (("gold", gold), ("predicted", predicted)):
            for i, annotation in enumerate(rows):
                check_label_set(annotation, f"{self.name}, {side} {i}")
        labels = sorted({label for labels in (*gold, *predicted) for label in labels})
        exact = sum(set(g) == set(p) for g, p in zip(gold, predicted, strict=True))
        values = {"micro_f1": 0.0, "macro_f1": 0.0, "subset_accuracy": 100 * exact / len(gold)}
        if not labels:
            return Scores(primary=self.primary, values=values)
        # Imported here: it takes a second, and training can begin without it.
        from sklearn.metrics import precision_recall_fscore_support

        truth, answer = (_indicators(side, labels) for side in (gold, predicted))
        micro = precision_recall_fscore_support(truth, answer, average="micro", zero_division=0)
        precision, recall, f1, support = precision_recall_fscore_support(
            truth, answer, average=None, zero_division=0
        )
        values |= {"micro_f1": 100 * float(micro[2]), "macro_f1": 100 * float(f1[:-1].mean())}
        per_class = scores_by_label(labels, precision, recall, f1, support)
        return Scores(primary=self.primary, values=values, per_class=per_class)

    def tally(self, gold: Sequence[Any], systems: Sequence[Sequence[Any]]) -> Tally:
        """See :meth:`Metric.tally`; the counts are correct, gold and predicted labels."""
        return self._tally(
            gold,
            systems,
            lambda truth, answer: (len({*truth} & {*answer}), len(truth), len(answer)),
            f1_of,
        )


class LabelSetMacroF1(LabelSetMicroF1):
    """The same scores; macro-F1 is the primary score."""

    name: ClassVar[str] = "label-set-macro-f1"
    primary: ClassVar[str] = "macro_f1"

    def tally(self, gold: Sequence[Any], systems: Sequence[Sequence[Any]]) -> Tally:
        """See :meth:`Metric.tally`; the counts are correct, gold and predicted for each label."""
        labels = sorted({label for side in (gold, *systems) for labels in side for label in labels})

        def count(truth: Any, answer: Any) -> list[float]:
            return [
                float(value)
                for label in labels
                for value in (label in truth and label in answer, label in truth, label in answer)
            ]

        return self._tally(gold, systems, count, _macro)


class SubsetAccuracy(LabelSetMicroF1):
    """The same scores; subset accuracy is the primary score."""

    name: ClassVar[str] = "subset-accuracy"
    primary: ClassVar[str] = "subset_accuracy"

    def tally(self, gold: Sequence[Any], systems: Sequence[Sequence[Any]]) -> Tally:
        """See :meth:`Metric.tally`; the counts are right sets and examples."""
        return self._tally(
            gold,
            systems,
            lambda truth, answer: (set(truth) == set(answer), 1),
            lambda sums: ratio(sums[..., 0], sums[..., 1]),
        )


def _indicators(annotations: Sequence[Sequence[str]], labels: Sequence[str]) -> NDArray[np.int64]:
    """(examples, labels + 1) ones where an example has a label; the last column is zero.

    Without that column, scikit-learn would read a matrix of one label as two classes.
    """
    rows = [[*(label in own for label in labels), False] for own in annotations]
    return np.array(rows, dtype=np.int64)


def _macro(sums: Floats) -> Floats:
    by_label = sums.reshape(*sums.shape[:-1], -1, 3)
    occurs = by_label[..., 1:].any(axis=-1)
    return np.asarray(f1_of(by_label).sum(axis=-1) / np.maximum(occurs.sum(axis=-1), 1))


LABEL_SET_MICRO_F1 = LabelSetMicroF1()
LABEL_SET_MACRO_F1 = LabelSetMacroF1()
SUBSET_ACCURACY = SubsetAccuracy()
