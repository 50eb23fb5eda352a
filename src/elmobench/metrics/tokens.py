"""Token accuracy of tags such as parts of speech."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from elmobench.core.errors import DataError
from elmobench.metrics.base import Metric, Scores, Tally, ratio
from elmobench.metrics.classification import ACCURACY


class TokenAccuracy(Metric):
    """Gold and predicted annotations are one list of tags per sentence; every token counts once.

    The scores are those of :class:`Classification` over the tokens of all sentences.
    """

    name: ClassVar[str] = "token-accuracy"
    version: ClassVar[int] = 1
    primary: ClassVar[str] = "accuracy"

    def compute(self, gold: Sequence[Any], predicted: Sequence[Any]) -> Scores:
        """``accuracy`` and ``macro_f1`` in percent, ``tokens``; scores by tag as in classification.

        Raises:
            DataError: for a different number of sentences or tokens, or a tag that is not a string.
        """
        self._check(gold, predicted)
        flat = [tag for tags in gold for tag in tags]
        scores = ACCURACY.compute(flat, [tag for tags in predicted for tag in tags])
        values = {**scores.values, "tokens": float(len(flat))}
        return Scores(primary=self.primary, values=values, per_class=scores.per_class)

    def scorer(self, gold: Sequence[Any]) -> Callable[[Sequence[Any]], float]:
        """See :meth:`Metric.scorer`; the scores of each tag are left out."""
        tokens = ACCURACY.scorer([tag for tags in gold for tag in tags])

        def score(predicted: Sequence[Any]) -> float:
            self._check(gold, predicted)
            return tokens([tag for tags in predicted for tag in tags])

        return score

    def _check(self, gold: Sequence[Any], predicted: Sequence[Any]) -> None:
        """Raise the errors of sentences that :meth:`compute` raises."""
        if len(gold) != len(predicted):
            raise DataError(
                f"{len(gold)} gold sentences but {len(predicted)} predictions", where=self.name
            )
        for i, (left, right) in enumerate(zip(gold, predicted, strict=True)):
            for tags in (left, right):
                if isinstance(tags, str) or not isinstance(tags, Sequence):
                    raise DataError(
                        f"expected a list of tags, got {tags!r}", where=f"{self.name}, sentence {i}"
                    )
            if len(left) != len(right):
                raise DataError(
                    f"{len(left)} gold tags but {len(right)} predicted ones",
                    where=f"{self.name}, sentence {i}",
                )

    def tally(self, gold: Sequence[Any], systems: Sequence[Sequence[Any]]) -> Tally:
        """See :meth:`Metric.tally`."""
        return self._tally(
            gold,
            systems,
            lambda a, b: (sum(x == y for x, y in zip(a, b, strict=True)), len(a)),
            lambda sums: ratio(sums[..., 0], sums[..., 1]),
        )


TOKEN_ACCURACY = TokenAccuracy()
