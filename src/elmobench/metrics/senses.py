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
        if len(gold) != len(predicted):
            raise DataError(
                f"{len(gold)} gold sentences but {len(predicted)} predictions", where=self.name
            )
        instances = {
            name: _Instance(senses, str(row.get("dataset", "")), str(row.get("pos", "")))
            for name, senses, row in self._rows(gold, "gold")
        }
        for name, instance in instances.items():
            if not instance.senses:
                raise DataError(f"{name!r} has no gold sense", where=self.name)
        points: dict[str, float] = {}
        skipped = 0
        for name, senses, _ in self._rows(predicted, "predicted"):
            if not senses:
                continue
            if name in instances:
                points[name] = len(senses & instances[name].senses) / len(senses)
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

        def count(left: Any, right: Any) -> tuple[float, float, float]:
            values = self.compute([left], [right]).values
            return values["correct"], values["answered"], values["support"]

        return self._tally(gold, systems, count, _f1)

    def _rows(
        self, sentences: Sequence[Any], side: str
    ) -> list[tuple[str, frozenset[str], Mapping[str, Any]]]:
        """Return the id, the set of senses and the whole mapping of each annotated instance.

        Raises:
            DataError: if an instance lacks a field; ``side`` (gold or predicted) is in the message.
        """
        rows = []
        seen: set[str] = set()
        for i, sentence in enumerate(sentences):
            where = f"{self.name}, {side} sentence {i}"
            if isinstance(sentence, str) or not isinstance(sentence, Sequence):
                raise DataError(f"expected a list of instances, got {sentence!r}", where=where)
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
                rows.append((name, frozenset(senses), row))
        return rows


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
