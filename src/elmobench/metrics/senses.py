"""F1 of word senses, equal to the scorer of the unified WSD evaluation framework.

Source: Raganato, Camacho-Collados and Navigli, EACL 2017; their ``Scorer.java``, which
follows the scorer of SemEval-2015 task 13.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from elmobench.core.errors import DataError
from elmobench.metrics.base import Metric, Scores, Tally, ratio

_POS = {"n": "noun", "v": "verb", "a": "adjective", "r": "adverb"}


_Rows = list[tuple[str, frozenset[str], Mapping[str, Any]]]


@dataclass(frozen=True)
class _Instance:
    senses: frozenset[str]
    dataset: str
    pos: str


class WsdF1(Metric):
    """Gold and predicted annotations are one list of instances per sentence, each a mapping.

    Gold: ``id``, ``senses`` (sense keys, any of which is correct), ``dataset`` (may be empty) and
    ``pos`` (n, v, a, r). Predicted: ``id`` and ``senses``; an empty list is no answer.

    An answer with k senses scores 1/k point for each that is gold. Precision is the number of
    points divided by that of answered instances, recall by that of all gold instances. Answers to
    instances that are not in gold are skipped, and their number is reported.
    """

    name: ClassVar[str] = "wsd-f1"
    version: ClassVar[int] = 1
    primary: ClassVar[str] = "f1"

    def compute(self, gold: Sequence[Any], predicted: Sequence[Any]) -> Scores:
        """Scores overall, and by data set and part of speech.

        Returns:
            ``values``: ``f1``, ``precision``, ``recall`` in percent, and the counts ``support``
            (gold instances), ``answered``, ``skipped`` and ``correct`` (points). ``per_class``:
            the same without ``skipped``, by data set and by part of speech (noun, verb,
            adjective, adverb).

        Raises:
            DataError: for a different number of sentences, annotations of another form, an id that
                appears twice, or a gold instance without senses.
        """
        gold_rows, predicted_rows = self._rows_of_both(gold, predicted)
        instances = {
            name: _Instance(senses, str(row.get("dataset", "")), str(row.get("pos", "")))
            for sentence in gold_rows
            for name, senses, row in sentence
        }
        points: dict[str, float] = {}
        skipped = 0
        for name, senses, _ in (row for sentence in predicted_rows for row in sentence):
            if not senses:
                continue
            if name in instances:
                points[name] = _points(instances[name].senses, senses)
            else:
                skipped += 1
        groups: defaultdict[str, list[str]] = defaultdict(list)
        for name, instance in instances.items():
            for group in (instance.dataset, _POS.get(instance.pos, instance.pos)):
                if group:
                    groups[group].append(name)
        values = _row(list(instances), points)
        values["skipped"] = float(skipped)
        rows = {group: _row(names, points) for group, names in sorted(groups.items())}
        return Scores(primary=self.primary, values=values, per_class=rows)

    def tally(self, gold: Sequence[Any], systems: Sequence[Sequence[Any]]) -> Tally:
        """See :meth:`Metric.tally`; the counts are points, answered instances and all instances."""

        rows = []
        for predicted in systems:
            gold_rows, predicted_rows = self._rows_of_both(gold, predicted)
            pairs = zip(gold_rows, predicted_rows, strict=True)
            rows.append([_counts(*pair) for pair in pairs])
        return Tally(np.asarray(rows, dtype=np.float64).reshape(len(systems), -1, 3), _f1)

    def _rows_of_both(
        self, gold: Sequence[Any], predicted: Sequence[Any]
    ) -> tuple[list[_Rows], list[_Rows]]:
        """The gold and the predicted instances of each sentence; see :meth:`compute`."""
        if len(gold) != len(predicted):
            raise DataError(
                f"{len(gold)} gold sentences but {len(predicted)} predictions", where=self.name
            )
        gold_rows = self._rows(gold, "gold")
        for name, senses, _ in (row for sentence in gold_rows for row in sentence):
            if not senses:
                raise DataError(f"{name!r} has no gold sense", where=self.name)
        return gold_rows, self._rows(predicted, "predicted")

    def _rows(self, sentences: Sequence[Any], side: str) -> list[_Rows]:
        """Return the id, the set of senses and the whole mapping of each instance, by sentence.

        Raises:
            DataError: if an instance lacks a field, or an id appears twice; ``side`` (gold or
                predicted) is in the message.
        """
        rows: list[_Rows] = []
        seen: set[str] = set()
        for i, sentence in enumerate(sentences):
            where = f"{self.name}, {side} sentence {i}"
            if isinstance(sentence, str) or not isinstance(sentence, Sequence):
                raise DataError(f"expected a list of instances, got {sentence!r}", where=where)
            rows.append([])
            for row in sentence:
                if not isinstance(row, Mapping) or not isinstance(row.get("id"), str):
                    raise DataError(f"expected an instance with an id, got {row!r}", where=where)
                senses, name = row.get("senses"), row["id"]
                if not isinstance(senses, list | tuple) or not all(
                    isinstance(sense, str) for sense in senses
                ):
                    raise DataError(
                        f"{name!r}: expected a list of sense keys, got {senses!r}", where=where
                    )
                if name in seen:
                    raise DataError(f"the id {name!r} appears twice", where=where)
                seen.add(name)
                rows[-1].append((name, frozenset(senses), row))
        return rows


def _points(gold: frozenset[str], answer: frozenset[str]) -> float:
    return len(gold & answer) / len(answer)


def _counts(gold: _Rows, predicted: _Rows) -> tuple[float, int, int]:
    """The points, answered instances and all instances of one sentence."""
    answers = {name: senses for name, senses, _ in predicted if senses}
    answered = [(senses, answers[name]) for name, senses, _ in gold if name in answers]
    return fsum(_points(*pair) for pair in answered), len(answered), len(gold)


def _f1(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    precision = ratio(sums[..., 0], sums[..., 1])
    recall = ratio(sums[..., 0], sums[..., 2])
    return ratio(2 * precision * recall, precision + recall) / 100


def _row(names: Sequence[str], points: Mapping[str, float]) -> dict[str, float]:
    answered = [points[name] for name in names if name in points]
    correct = fsum(answered)
    precision = correct / len(answered) if answered else 0.0
    recall = correct / len(names) if names else 0.0
    return {
        "f1": 200 * precision * recall / (precision + recall) if correct else 0.0,
        "precision": 100 * precision,
        "recall": 100 * recall,
        "support": float(len(names)),
        "answered": float(len(answered)),
        "correct": correct,
    }


WSD_F1 = WsdF1()
