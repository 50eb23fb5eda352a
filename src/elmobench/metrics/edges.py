"""Micro-F1, macro-F1 and accuracy of the labels of edges, computed by scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from elmobench.core.errors import DataError
from elmobench.metrics.base import Metric, Scores, Tally, f1_of, ratio
from elmobench.metrics.label_sets import LABEL_SET_MICRO_F1, check_label_set

Floats = NDArray[np.float64]
_Sets = Sequence[Sequence[str]]


class EdgeMicroF1(Metric):
    """Gold and predicted annotations are one list of label lists per text: one per edge, in order.

    Every edge counts as an example of its own; see
    :class:`~elmobench.metrics.label_sets.LabelSetMicroF1`. Where every edge has one gold label and
    one predicted label, micro-F1 equals the accuracy.
    """

    name: ClassVar[str] = "edge-micro-f1"
    version: ClassVar[int] = 1
    primary: ClassVar[str] = "micro_f1"

    def compute(self, gold: Sequence[Any], predicted: Sequence[Any]) -> Scores:
        """``micro_f1``, ``macro_f1`` and ``accuracy`` in percent, and scores by label.

        ``accuracy`` is the share of edges whose labels are all right; ``edges`` is their number.

        >>> EdgeMicroF1().compute([[["a"], ["b"]]], [[["a"], ["b", "c"]]]).values["accuracy"]
        50.0

        Raises:
            DataError: for a different number of texts or edges, no edge, or annotations that are
                not lists of lists of distinct strings.
        """
        pairs = list(self._texts(gold, predicted))
        truth = [labels for one, _ in pairs for labels in one]
        answer = [labels for _, other in pairs for labels in other]
        scores = LABEL_SET_MICRO_F1.compute(truth, answer)
        values = {
            "micro_f1": scores.values["micro_f1"],
            "macro_f1": scores.values["macro_f1"],
            "accuracy": scores.values["subset_accuracy"],
            "edges": float(len(truth)),
        }
        return Scores(primary=self.primary, values=values, per_class=scores.per_class)

    def tally(self, gold: Sequence[Any], systems: Sequence[Sequence[Any]]) -> Tally:
        """See :meth:`Metric.tally`; the counts are correct, gold and predicted labels."""
        return self._edge_tally(gold, systems, _label_counts, f1_of)

    def _edge_tally(
        self,
        gold: Sequence[Any],
        systems: Sequence[Sequence[Any]],
        count: Callable[[_Sets, _Sets], Sequence[float]],
        score: Callable[[Floats], Floats],
    ) -> Tally:
        rows = [
            [count(truth, answer) for truth, answer in self._texts(gold, predicted)]
            for predicted in systems
        ]
        return Tally(np.asarray(rows, dtype=np.float64), score)

    def _texts(
        self, gold: Sequence[Any], predicted: Sequence[Any]
    ) -> Iterator[tuple[_Sets, _Sets]]:
        """The gold and the predicted label sets of each text, checked; see :meth:`compute`."""
        if len(gold) != len(predicted):
            raise DataError(
                f"{len(gold)} gold texts but {len(predicted)} predictions", where=self.name
            )
        if len(gold) == 0:
            raise DataError("there are no texts to score", where=self.name)
        for i, (truth, answer) in enumerate(zip(gold, predicted, strict=True)):
            for side, annotation in (("gold", truth), ("predicted", answer)):
                self._check(annotation, f"{self.name}, {side} text {i}")
            if len(truth) != len(answer):
                raise DataError(
                    f"{len(truth)} gold edges but {len(answer)} predicted ones",
                    where=f"{self.name}, text {i}",
                )
            yield truth, answer

    def _check(self, annotation: Any, where: str) -> None:
        if not isinstance(annotation, list | tuple) or not annotation:
            raise DataError(
                f"expected a list with the labels of each edge, got {annotation!r}", where=where
            )
        for labels in annotation:
            check_label_set(labels, where)


class EdgeAccuracy(EdgeMicroF1):
    """The same scores; the share of edges whose labels are all right is the primary score."""

    name: ClassVar[str] = "edge-accuracy"
    primary: ClassVar[str] = "accuracy"

    def tally(self, gold: Sequence[Any], systems: Sequence[Sequence[Any]]) -> Tally:
        """See :meth:`Metric.tally`; the counts are right edges and all edges."""
        return self._edge_tally(
            gold, systems, _right_counts, lambda sums: ratio(sums[..., 0], sums[..., 1])
        )


def _label_counts(truth: _Sets, answer: _Sets) -> tuple[int, int, int]:
    right = sum(len({*one} & {*other}) for one, other in zip(truth, answer, strict=True))
    return right, sum(map(len, truth)), sum(map(len, answer))


def _right_counts(truth: _Sets, answer: _Sets) -> tuple[int, int]:
    right = sum({*one} == {*other} for one, other in zip(truth, answer, strict=True))
    return right, len(truth)


EDGE_MICRO_F1 = EdgeMicroF1()
EDGE_ACCURACY = EdgeAccuracy()
