"""Argument F1, equal to srl-eval.pl, the scorer of the CoNLL-2005 and CoNLL-2012 shared tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, ClassVar

import numpy as np

from elmobench.core.errors import DataError
from elmobench.data.tag_schemes import spans, violation
from elmobench.metrics.base import Metric, Scores, Tally, f1_of

_Argument = tuple[str, tuple[tuple[int, int], ...]]
_PREDICATE = "V"


class SrlF1(Metric):
    """Gold and predicted annotations are one list of BIO tags per proposition; V is the predicate.

    An argument is a label and one or more pieces: a span with label ``C-X`` belongs to the last X
    on its left; without one it is a new X, which later ``C-X`` may belong to. A predicted argument
    is correct if label and all pieces equal those of a gold argument. ``R-X`` is a label like any
    other. V has its own row but does not count in overall values. A ratio with denominator 0 is 0.
    """

    name: ClassVar[str] = "srl-f1"
    version: ClassVar[int] = 1
    primary: ClassVar[str] = "f1"

    def compute(self, gold: Sequence[Any], predicted: Sequence[Any]) -> Scores:
        """Scores overall and by label.

        Returns:
            ``values``: ``f1``, ``precision``, ``recall`` and ``perfect`` (propositions without
            an error) in percent, and the counts ``support`` (gold arguments), ``found``
            (predicted ones), ``correct`` and ``propositions``. ``per_class``: by label ``f1``,
            ``precision``, ``recall`` in percent, ``support``, ``found`` and ``correct``.

        Raises:
            DataError: for a different number of propositions or tokens, or tags that are not
                legal BIO.
        """
        support: Counter[str] = Counter()
        found: Counter[str] = Counter()
        correct: Counter[str] = Counter()
        perfect = 0
        for gold_arguments, predicted_arguments in self._arguments(gold, predicted):
            support.update(label for label, _ in gold_arguments)
            found.update(label for label, _ in predicted_arguments)
            correct.update(label for label, _ in gold_arguments & predicted_arguments)
            errors = gold_arguments ^ predicted_arguments
            perfect += all(label == _PREDICATE for label, _ in errors)
        rows = {
            label: _row(correct[label], support[label], found[label])
            for label in sorted(support | found)
        }
        counted = [row for label, row in rows.items() if label != _PREDICATE]
        total = {
            key: sum(int(row[key]) for row in counted) for key in ("correct", "support", "found")
        }
        values = _row(**total)
        values["propositions"] = float(len(gold))
        values["perfect"] = 100 * perfect / len(gold) if len(gold) else 0.0
        return Scores(primary=self.primary, values=values, per_class=rows)

    def scorer(self, gold: Sequence[Any]) -> Callable[[Sequence[Any]], float]:
        """See :meth:`Metric.scorer`; the gold arguments are read once."""
        sides = [*self._sides(gold, "gold")]

        def score(predicted: Sequence[Any]) -> float:
            correct = support = found = 0
            for true, own in self._pairs(sides, predicted):
                correct += _number(true & own)
                support += _number(true)
                found += _number(own)
            return _row(correct, support, found)["f1"]

        return score

    def tally(self, gold: Sequence[Any], systems: Sequence[Sequence[Any]]) -> Tally:
        """See :meth:`Metric.tally`."""

        sides = [*self._sides(gold, "gold")]
        rows = [
            [
                (_number(true & found), _number(true), _number(found))
                for true, found in self._pairs(sides, predicted)
            ]
            for predicted in systems
        ]
        return Tally(np.asarray(rows, dtype=np.float64).reshape(len(systems), -1, 3), f1_of)

    def _arguments(
        self, gold: Sequence[Any], predicted: Sequence[Any]
    ) -> Iterator[tuple[set[_Argument], set[_Argument]]]:
        """The gold and the predicted arguments of each proposition; see :meth:`compute`."""
        return self._pairs([*self._sides(gold, "gold")], predicted)

    def _sides(self, annotations: Sequence[Any], side: str) -> Iterator[tuple[int, set[_Argument]]]:
        """Number of tags and arguments of each proposition."""
        legal: set[tuple[str, str]] = set()  # tags and those before them, in lists without an error
        for i, tags in enumerate(annotations):
            if not (isinstance(tags, list) and _all_in(legal, tags)):
                self._check(tags, f"{self.name}, {side} proposition {i}")
                legal.update(_steps(tags))
            yield len(tags), arguments(tags)

    def _pairs(
        self, gold: Sequence[tuple[int, set[_Argument]]], predicted: Sequence[Any]
    ) -> Iterator[tuple[set[_Argument], set[_Argument]]]:
        if len(gold) != len(predicted):
            raise DataError(
                f"{len(gold)} gold propositions but {len(predicted)} predictions", where=self.name
            )
        sides = zip(gold, self._sides(predicted, "predicted"), strict=True)
        for i, ((left, true), (right, found)) in enumerate(sides):
            if left != right:
                raise DataError(
                    f"{left} gold tags but {right} predicted ones",
                    where=f"{self.name}, proposition {i}",
                )
            yield true, found

    def _check(self, tags: Any, where: str) -> None:
        if isinstance(tags, str) or not isinstance(tags, Sequence):
            raise DataError(f"expected a list of tags, got {tags!r}", where=where)
        for tag in tags:
            if not isinstance(tag, str) or not (
                tag == "O" or (tag.startswith(("B-", "I-")) and len(tag) > 2)
            ):
                raise DataError(
                    f"{tag!r} is not a BIO tag", where=where, fix="use O, B-LABEL or I-LABEL"
                )
        problem = violation(tags, "bio")
        if problem is not None:
            raise DataError(problem[1], where=f"{where}, token {problem[0]}")


def _steps(tags: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each tag with the one before it; before the first one is O. They say whether BIO is legal."""
    return zip(chain(("O",), tags), tags, strict=False)


def _all_in(legal: set[tuple[str, str]], tags: list[Any]) -> bool:
    try:
        return legal.issuperset(_steps(tags))
    except TypeError:  # What cannot be hashed is no tag.
        return False


def _number(found: set[_Argument]) -> int:
    """How many arguments count: all but the predicate."""
    return sum(label != _PREDICATE for label, _ in found)


def arguments(tags: Sequence[str]) -> set[_Argument]:
    """Labels and pieces ``[start, end)`` of the arguments in BIO tags, with C- spans joined."""
    pieces: list[tuple[str, list[tuple[int, int]]]] = []
    last: dict[str, int] = {}
    for start, end, label in spans(tags):
        base = label.removeprefix("C-")
        if base != label and base in last:
            pieces[last[base]][1].append((start, end))
            continue
        last[base] = len(pieces)
        pieces.append((base, [(start, end)]))
    return {(label, tuple(parts)) for label, parts in pieces}


def _row(correct: int, support: int, found: int) -> dict[str, float]:
    return {
        "f1": 200 * correct / (support + found) if correct else 0.0,
        "precision": 100 * correct / found if found else 0.0,
        "recall": 100 * correct / support if support else 0.0,
        "support": float(support),
        "found": float(found),
        "correct": float(correct),
    }


SRL_F1 = SrlF1()
