"""Exact match and F1 of answers, equal to the official script of SQuAD v1.1.

Source: Rajpurkar et al., "SQuAD: 100,000+ Questions for Machine Comprehension of Text" (2016).
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from elmobench.core.errors import DataError
from elmobench.metrics.base import Metric, Scores, Tally, ratio

_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")


def normalized(answer: str) -> list[str]:
    """The words to compare: in lower case, without ASCII punctuation, then without articles."""
    bare = answer.lower().translate(_NO_PUNCTUATION)
    return _ARTICLES.sub(" ", bare).split()


def word_f1(predicted: Sequence[str], reference: Sequence[str]) -> float:
    """F1 of two bags of words, in [0, 1]; 0 without common words, even if both are empty."""
    if set(predicted).isdisjoint(reference):
        # Most answers of a model that begins to learn; counting takes ten times as long.
        return 0.0
    common = (Counter(predicted) & Counter(reference)).total()
    # Written as the official script computes it: 2c / (p + r) differs in the last digit.
    precision, recall = common / len(predicted), common / len(reference)
    return (2 * precision * recall) / (precision + recall)


class Squad(Metric):
    """Gold is a list of reference answers per question, predicted is one answer.

    A prediction is a string, None for no answer (it scores 0 and counts in the denominator), or a
    list of answers of which the first is scored. Exact match and F1 of a question are each the
    largest over its references.
    """

    name: ClassVar[str] = "squad"
    version: ClassVar[int] = 1
    primary: ClassVar[str] = "f1"

    def compute(self, gold: Sequence[Any], predicted: Sequence[Any]) -> Scores:
        """``exact_match`` and ``f1`` in percent; counts ``questions`` and ``missing``.

        Raises:
            DataError: for a different number of questions, no questions, or annotations of another
                form.
        """
        return self._scores(self._references(gold), predicted)

    def scorer(self, gold: Sequence[Any]) -> Callable[[Sequence[Any]], float]:
        """See :meth:`Metric.scorer`; the references are normalised once."""
        references = self._references(gold)
        return lambda predicted: self._scores(references, predicted).score

    def _references(self, gold: Sequence[Any]) -> list[list[list[str]]]:
        """The words of all references of each question."""
        return [
            [normalized(text) for text in _texts(references, f"{self.name}, gold {i}")]
            for i, references in enumerate(gold)
        ]

    def _scores(self, gold: Sequence[list[list[str]]], predicted: Sequence[Any]) -> Scores:
        if len(gold) != len(predicted):
            raise DataError(
                f"{len(gold)} questions but {len(predicted)} predictions", where=self.name
            )
        if not gold:
            raise DataError("there are no questions to score", where=self.name)
        exact = missing = 0
        f1 = 0.0
        for i, (references, prediction) in enumerate(zip(gold, predicted, strict=True)):
            answer = _first(prediction, f"{self.name}, prediction {i}")
            if answer is None:
                missing += 1
                continue
            words = normalized(answer)
            exact += words in references
            f1 += max(word_f1(words, reference) for reference in references)
        values = {
            "exact_match": 100.0 * exact / len(gold),
            "f1": 100.0 * f1 / len(gold),
            "questions": float(len(gold)),
            "missing": float(missing),
        }
        return Scores(primary=self.primary, values=values)

    def tally(self, gold: Sequence[Any], systems: Sequence[Sequence[Any]]) -> Tally:
        """See :meth:`Metric.tally`."""

        references = self._references(gold)
        rows = []
        for predicted in systems:
            self._scores(references, predicted)  # for its checks
            # The score of one question, in [0, 1].
            each = [
                self._scores([texts], [answer]).score / 100
                for texts, answer in zip(references, predicted, strict=True)
            ]
            rows.append([(score, 1) for score in each])
        return Tally(
            np.asarray(rows, dtype=np.float64), lambda sums: ratio(sums[..., 0], sums[..., 1])
        )


class ExactMatch(Squad):
    """The same scores; exact match is the primary score."""

    name: ClassVar[str] = "exact-match"
    primary: ClassVar[str] = "exact_match"


def _texts(references: Any, where: str) -> Sequence[str]:
    if isinstance(references, str) or not isinstance(references, Sequence) or not references:
        raise DataError(f"expected a list of reference answers, got {references!r}", where=where)
    for text in references:
        if not isinstance(text, str):
            raise DataError(f"an answer must be a string, got {text!r}", where=where)
    return references


def _first(prediction: Any, where: str) -> str | None:
    if isinstance(prediction, list):
        prediction = prediction[0] if prediction else None
    if prediction is not None and not isinstance(prediction, str):
        raise DataError(f"an answer must be a string, got {prediction!r}", where=where)
    return prediction


SQUAD = Squad()
EXACT_MATCH = ExactMatch()
