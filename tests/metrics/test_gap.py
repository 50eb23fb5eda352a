"""GAP scores compared with the two yes-or-no decisions that its scorer counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elmobench.core.errors import DataError
from elmobench.metrics.base import get_metric
from elmobench.metrics.gap import GAP

label = st.sampled_from(["A", "B", "neither"])
rows = st.lists(st.tuples(label, st.sampled_from(["masculine", "feminine"]), label), min_size=1)


def scores(rows: list[tuple[str, str, str]]):
    gold = [{"label": right, "gender": gender} for right, gender, _ in rows]
    return GAP.compute(gold, [{"label": said} for _, _, said in rows])


def f1_by_decisions(rows: list[tuple[str, str, str]]) -> float:
    true_positive = false_positive = false_negative = 0
    for right, _, said in rows:
        for name in ("A", "B"):
            gold, system = right == name, said == name
            true_positive += gold and system
            false_positive += system and not gold
            false_negative += gold and not system
    precision = true_positive / max(1, true_positive + false_positive)
    recall = true_positive / max(1, true_positive + false_negative)
    return 200 * precision * recall / (precision + recall) if precision + recall else 0.0


def test_registered() -> None:
    assert get_metric("gap") is GAP


@given(rows)
def test_f1_overall_and_by_gender(rows: list[tuple[str, str, str]]) -> None:
    result = scores(rows)
    assert result.score == pytest.approx(f1_by_decisions(rows))
    parts = {}
    for gender in ("masculine", "feminine"):
        part = [row for row in rows if row[1] == gender]
        parts[gender] = f1_by_decisions(part)
        assert result.per_class[gender]["f1"] == pytest.approx(parts[gender])
        assert result.per_class[gender]["support"] == len(part)
    if all(parts.values()):
        assert result.values["bias"] == pytest.approx(parts["feminine"] / parts["masculine"])
    else:
        assert "bias" not in result.values


def test_a_worked_example() -> None:
    result = scores(
        [
            ("A", "feminine", "A"),
            ("B", "feminine", "A"),
            ("neither", "masculine", "B"),
            ("B", "masculine", "B"),
            ("A", "masculine", "neither"),
        ]
    )
    assert result.values["precision"] == pytest.approx(50)
    assert result.values["recall"] == pytest.approx(50)
    assert result.values["accuracy"] == pytest.approx(40)
    assert result.per_class["feminine"]["f1"] == pytest.approx(50)
    assert result.per_class["masculine"]["f1"] == pytest.approx(50)
    assert result.values["bias"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("gold", "predicted"),
    [
        ([{"label": "A", "gender": "feminine"}], []),
        ([{"label": "C", "gender": "feminine"}], [{"label": "A"}]),
        ([{"label": "A", "gender": "other"}], [{"label": "A"}]),
        ([{"label": "A"}], [{"label": "A"}]),
        (["A"], [{"label": "A"}]),
        ([{"label": "A", "gender": "feminine"}], [{"label": "a"}]),
        ([{"label": "A", "gender": "feminine"}], ["A"]),
    ],
)
def test_wrong_shapes(gold: list, predicted: list) -> None:
    with pytest.raises(DataError):
        GAP.compute(gold, predicted)
