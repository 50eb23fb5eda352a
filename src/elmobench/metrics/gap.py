"""F1 of ambiguous pronouns, by gender, equal to the scorer of GAP.

Source: Webster et al., "Mind the GAP" (2018).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from elmobench.core.errors import DataError
from elmobench.metrics.base import Metric, Scores, Tally, f1_of

_LABELS = ("A", "B", "neither")
_GENDERS = ("masculine", "feminine")


class Gap(Metric):
    """Gold is ``{"label": …, "gender": …}`` per example, predicted ``{"label": …}``.

    Each example is two decisions: whether the pronoun refers to A and whether it refers to B. F1
    is that of the answer yes. A ratio with denominator 0 is 0.
    """

    name: ClassVar[str] = "gap"
    version: ClassVar[int] = 1
    primary: ClassVar[str] = "f1"

    def compute(self, gold: Sequence[Any], predicted: Sequence[Any]) -> Scores:
        """Scores overall and by gender. The labels are A, B and neither.

        Returns:
            ``values``: ``f1``, ``precision``, ``recall`` in percent over all examples, and
            ``accuracy`` over the three labels. ``bias``, feminine F1 divided by masculine F1 (a
            ratio; 1 means no bias), is present only if neither is 0. ``per_class``: by gender
            ``f1``, ``precision``, ``recall`` and ``support`` (examples).

        Raises:
            DataError: for a different number of examples, or an unknown label or gender.
        """
        if len(gold) != len(predicted):
            raise DataError(
                f"{len(gold)} gold labels but {len(predicted)} predictions", where=self.name
            )
        counts: dict[str, Counter[str]] = {gender: Counter() for gender in _GENDERS}
        for i, (left, right) in enumerate(zip(gold, predicted, strict=True)):
            truth = _label(left, f"{self.name}, gold {i}")
            answer = _label(right, f"{self.name}, prediction {i}")
            if left.get("gender") not in _GENDERS:
                raise DataError(f"no gender in {left!r}", where=f"{self.name}, gold {i}")
            of_gender = counts[left["gender"]]
            of_gender["examples"] += 1
            of_gender["gold"] += truth != "neither"
            of_gender["found"] += answer != "neither"
            of_gender["correct"] += answer == truth != "neither"
            of_gender["equal"] += answer == truth
        total = sum(counts.values(), Counter())
        values = _row(total)
        values["accuracy"] = 100 * total["equal"] / total["examples"] if gold else 0.0
        rows = {gender: _row(of_gender) for gender, of_gender in counts.items()}
        if all(row["f1"] for row in rows.values()):
            values["bias"] = rows["feminine"]["f1"] / rows["masculine"]["f1"]
        for gender, of_gender in counts.items():
            rows[gender]["support"] = float(of_gender["examples"])
        return Scores(primary=self.primary, values=values, per_class=rows)

    def tally(self, gold: Sequence[Any], systems: Sequence[Sequence[Any]]) -> Tally:
        """See :meth:`Metric.tally`."""

        def count(left: Any, right: Any) -> tuple[bool, bool, bool]:
            truth, answer = left["label"], right["label"]
            return answer == truth != "neither", truth != "neither", answer != "neither"

        return self._tally(gold, systems, count, f1_of)


def _label(annotation: Any, where: str) -> str:
    label = annotation.get("label") if isinstance(annotation, Mapping) else None
    if label not in _LABELS:
        raise DataError(f"expected a label (A, B or neither), got {annotation!r}", where=where)
    return str(label)


def _row(counts: Counter[str]) -> dict[str, float]:
    correct, found, gold = counts["correct"], counts["found"], counts["gold"]
    return {
        "f1": 200 * correct / (found + gold) if correct else 0.0,
        "precision": 100 * correct / found if found else 0.0,
        "recall": 100 * correct / gold if gold else 0.0,
    }


GAP = Gap()
