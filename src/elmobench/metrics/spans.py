"""Span F1, equal to conlleval, the scorer of the CoNLL-2000 and CoNLL-2003 shared tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from elmobench.core.errors import DataError
from elmobench.metrics.base import Metric, Scores, Tally, f1_of

_Span = tuple[str, int, int]


class SpanF1(Metric):
    """Gold and predicted annotations are one list of BIO tags per sentence.

    A span begins at B-, at I- after O (or at the start of a sentence), and at I- of another type.
    It ends with the sentence at the latest. A predicted span is correct if type, first and last
    token equal those of a gold span. Token accuracy compares full tags. A ratio with denominator 0
    is 0. Spans are extracted by the default mode of seqeval, which agrees with conlleval.
    """

    name: ClassVar[str] = "span-f1"
    version: ClassVar[int] = 1
    primary: ClassVar[str] = "f1"

    def compute(self, gold: Sequence[Any], predicted: Sequence[Any]) -> Scores:
        """Scores overall and by type.

        Returns:
            ``values``: ``f1``, ``precision``, ``recall``, ``token_accuracy`` in percent, and
            the counts ``support`` (gold spans), ``found`` (predicted spans), ``correct``,
            ``tokens``. ``per_class``: by type ``f1``, ``precision``, ``recall`` in percent,
            ``support`` and ``found``.

        Raises:
            DataError: for a different number of sentences or tokens, or a tag that is not BIO.
        """
        tokens, equal = self._count_tokens(gold, predicted)
        gold_spans, found_spans = _spans(gold), _spans(predicted)
        support = Counter(kind for _, (kind, _, _) in gold_spans)
        found = Counter(kind for _, (kind, _, _) in found_spans)
        correct = Counter(kind for _, (kind, _, _) in gold_spans & found_spans)
        rows = {
            kind: _row(correct[kind], support[kind], found[kind])
            for kind in sorted(support | found)
        }
        values = _row(correct.total(), support.total(), found.total())
        values["correct"] = float(correct.total())
        values["tokens"] = float(tokens)
        values["token_accuracy"] = 100 * equal / tokens if tokens else 0.0
        return Scores(primary=self.primary, values=values, per_class=rows)

    def scorer(self, gold: Sequence[Any]) -> Callable[[Sequence[Any]], float]:
        """See :meth:`Metric.scorer`; gold is read once, and tokens are not counted."""
        known: set[str] = {"O"}
        for i, tags in enumerate(gold):
            self._check(tags, known, f"{self.name}, gold sentence {i}")
        lengths, gold_spans = [*map(len, gold)], _spans(gold)

        def score(predicted: Sequence[Any]) -> float:
            if len(gold) != len(predicted) or any(
                isinstance(tags, str)
                or not isinstance(tags, Sequence)
                or len(tags) != length
                or not known.issuperset(tags)
                for tags, length in zip(predicted, lengths, strict=False)
            ):
                # A tag that gold lacks, or an error, which this raises.
                self._count_tokens(gold, predicted)
            spans = _spans(predicted)
            return _row(len(gold_spans & spans), len(gold_spans), len(spans))["f1"]

        return score

    def tally(self, gold: Sequence[Any], systems: Sequence[Sequence[Any]]) -> Tally:
        """See :meth:`Metric.tally`."""
        rows = []
        for predicted in systems:
            self._count_tokens(gold, predicted)  # checks both, which seqeval does not
            pairs = [
                tuple(set(_spans_of(tuple(tags))) for tags in pair)
                for pair in zip(gold, predicted, strict=True)
            ]
            rows.append([(len(true & found), len(true), len(found)) for true, found in pairs])
        return Tally(np.asarray(rows, dtype=np.float64).reshape(len(systems), -1, 3), f1_of)

    def _count_tokens(self, gold: Sequence[Any], predicted: Sequence[Any]) -> tuple[int, int]:
        """The number of tokens, and of those with equal tags.

        Raises:
            DataError: see :meth:`compute`.
        """
        if len(gold) != len(predicted):
            raise DataError(
                f"{len(gold)} gold sentences but {len(predicted)} predictions", where=self.name
            )
        known: set[str] = {"O"}
        tokens = equal = 0
        for i, (left, right) in enumerate(zip(gold, predicted, strict=True)):
            self._check(left, known, f"{self.name}, gold sentence {i}")
            self._check(right, known, f"{self.name}, predicted sentence {i}")
            if len(left) != len(right):
                raise DataError(
                    f"{len(left)} gold tags but {len(right)} predicted ones",
                    where=f"{self.name}, sentence {i}",
                )
            tokens += len(left)
            equal += sum(a == b for a, b in zip(left, right, strict=True))
        return tokens, equal

    def _check(self, tags: Any, known: set[str], where: str) -> None:
        # seqeval would only warn, once for each such token.
        if isinstance(tags, str) or not isinstance(tags, Sequence):
            raise DataError(f"expected a list of tags, got {tags!r}", where=where)
        for tag in tags:
            if tag in known:
                continue
            if not isinstance(tag, str) or not tag.startswith(("B-", "I-")) or len(tag) == 2:
                raise DataError(
                    f"{tag!r} is not a BIO tag", where=where, fix="use O, B-TYPE or I-TYPE"
                )
            known.add(tag)


def _spans(sentences: Sequence[Sequence[str]]) -> set[tuple[int, _Span]]:
    """All spans, each with the number of its sentence."""
    return {(i, span) for i, tags in enumerate(sentences) for span in _spans_of(tuple(tags))}


# Each candidate of a search is scored after every epoch: gold sentences are read again and again,
# and most predictions are those of the epoch before.
@lru_cache(maxsize=1 << 15)
def _spans_of(tags: tuple[str, ...]) -> tuple[_Span, ...]:
    """The (type, first token, last token) of a sentence."""
    # Imported here: it takes a second, and training can begin without it.
    from seqeval.metrics.sequence_labeling import get_entities

    return tuple(get_entities(list(tags)))


def _row(correct: int, support: int, found: int) -> dict[str, float]:
    return {
        "f1": 200 * correct / (support + found) if correct else 0.0,
        "precision": 100 * correct / found if found else 0.0,
        "recall": 100 * correct / support if support else 0.0,
        "support": float(support),
        "found": float(found),
    }


SPAN_F1 = SpanF1()
