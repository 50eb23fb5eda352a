"""F1 of word senses compared with the official program and an independent scorer."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elmobench.core.errors import DataError
from elmobench.metrics.base import get_metric

METRIC = get_metric("wsd-f1")
SETS = ("senseval2", "senseval3", "semeval2007", "semeval2013", "semeval2015")


def gold(name: str, *senses: str, dataset: str = "", pos: str = "n") -> dict:
    return {"id": name, "senses": list(senses), "dataset": dataset, "pos": pos}


def answer(name: str, *senses: str) -> dict:
    return {"id": name, "senses": list(senses)}


def official(keys: dict[str, set[str]], system: dict[str, set[str]]) -> tuple[float, float, float]:
    """Precision, recall and F1 as the scorer computes them, from good and bad shares per key."""
    good = bad = 0.0
    for name, answers in system.items():
        if name not in keys:
            continue
        right = wrong = 0
        for sense in answers:
            if sense in keys[name]:
                right += 1
            else:
                wrong += 1
        good += right / (right + wrong)
        bad += wrong / (right + wrong)
    precision = good / (good + bad) if good + bad else 0.0
    recall = good / len(keys)
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return 100 * precision, 100 * recall, 100 * f1


@pytest.mark.shared
def test_first_sense_baseline_equals_the_official_program(shared: Path) -> None:
    folder = next((shared / "mirror").rglob("Evaluation_Datasets"))

    def read(path: Path) -> dict[str, list[str]]:
        rows = (line.split() for line in path.read_text("utf-8").splitlines())
        return {name: senses for name, *senses in rows}

    keys = read(folder / "ALL" / "ALL.gold.key.txt")
    system = read(shared / "fixtures" / "scorers" / "wsd_ALL_first_sense.key.txt")
    rows = [gold(name, *senses, dataset=name.split(".")[0]) for name, senses in keys.items()]
    answers = [answer(name, *senses) for name, senses in system.items()]
    scores = METRIC.compute([rows], [answers])
    assert scores.values["support"] == 7253
    assert round(scores.score, 1) == 65.2
    by_set = [round(scores.per_class[name]["f1"], 1) for name in SETS]
    assert by_set == [66.8, 66.2, 55.2, 63.0, 67.8]
    four = [row for row in rows if row["dataset"] != "semeval2007"]
    held_out = METRIC.compute([four], [answers])
    assert round(held_out.score, 1) == 65.9
    # The answers to the fifth set are then answers to unknown instances.
    assert held_out.values["skipped"] == 455


def test_several_answers_share_the_credit() -> None:
    scores = METRIC.compute([[gold("a", "x", "y")]], [[answer("a", "x", "z")]])
    assert scores.values["correct"] == 0.5
    assert scores.values["f1"] == 50.0
    both = METRIC.compute([[gold("a", "x", "y")]], [[answer("a", "x", "y")]])
    assert both.score == 100.0


def test_missing_answers_reduce_recall_only() -> None:
    rows = [[gold("a", "x"), gold("b", "x")], [gold("c", "x"), gold("d", "x")]]
    answers = [[answer("a", "x"), answer("b")], [answer("c", "y")]]
    scores = METRIC.compute(rows, answers)
    assert scores.values == {
        "precision": 50.0,
        "recall": 25.0,
        "f1": pytest.approx(100 / 3),
        "support": 4.0,
        "answered": 2.0,
        "correct": 1.0,
        "skipped": 0.0,
    }


def test_rows_by_data_set_and_part_of_speech() -> None:
    rows = [[gold("a", "x", dataset="one", pos="v"), gold("b", "x", dataset="two", pos="r")]]
    scores = METRIC.compute(rows, [[answer("a", "x"), answer("b", "y")]])
    assert {name: row["f1"] for name, row in scores.per_class.items()} == {
        "one": 100.0,
        "two": 0.0,
        "verb": 100.0,
        "adverb": 0.0,
    }
    assert scores.per_class["one"]["support"] == 1.0


senses = st.sets(st.sampled_from("uvwxyz"), max_size=3)


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), senses.filter(bool), min_size=1),
    st.dictionaries(st.sampled_from("abcdefghij"), senses),
)
def test_equal_to_an_independent_scorer(keys, system) -> None:
    scores = METRIC.compute(
        [[gold(name, *senses) for name, senses in keys.items()]],
        [[answer(name, *senses) for name, senses in system.items()]],
    )
    expected = official(keys, {name: senses for name, senses in system.items() if senses})
    values = [scores.values[name] for name in ("precision", "recall", "f1")]
    assert all(math.isclose(a, b, abs_tol=1e-9) for a, b in zip(values, expected, strict=True))


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        ([[gold("a", "x")]], [], "1 gold sentences but 0 predictions"),
        ([[gold("a", "x")]], ["a"], "predicted sentence 0: expected a list of instances"),
        ([[gold("a", "x")]], [["a"]], "expected an instance with an id"),
        ([[gold("a", "x")]], [[{"senses": ["x"]}]], "expected an instance with an id"),
        ([[gold("a", "x")]], [[{"id": "a", "senses": "x"}]], "expected a list of sense keys"),
        ([[gold("a", "x")]], [[{"id": "a"}]], "expected a list of sense keys"),
        ([[gold("a")]], [[answer("a", "x")]], "'a' has no gold sense"),
        ([[gold("a", "x")], [gold("a", "x")]], [[], []], "gold sentence 1: .*appears twice"),
        ([[gold("a", "x")]], [[answer("a", "x"), answer("a", "y")]], "appears twice"),
    ],
)
def test_other_shapes_are_errors(left, right, message) -> None:
    with pytest.raises(DataError) as error:
        METRIC.compute(left, right)
    assert re.search(message, str(error.value))
