from __future__ import annotations

import json
import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elmobench.core.errors import DataError
from elmobench.metrics.base import get_metric
from elmobench.metrics.squad import EXACT_MATCH, SQUAD

DEV = (
    "raw.githubusercontent.com/rajpurkar/SQuAD-explorer/"
    "eee5fdbf62f8613a7812b03419e6b29617b74fd1/dataset/dev-v1.1.json"
)


def scores_by_id(gold: dict[str, list[str]], predicted: dict[str, str]) -> dict[str, float]:
    """Scores of predictions by question id; questions without a prediction have no answer."""
    return SQUAD.compute(list(gold.values()), [predicted.get(key) for key in gold]).values


@pytest.mark.shared
def test_equal_to_the_official_script_in_all_digits(shared: Path) -> None:
    folder = shared / "fixtures/scorers"
    expected = json.loads((folder / "squad_expected.json").read_text("utf-8"))
    data = json.loads((shared / "mirror" / DEV).read_text("utf-8"))["data"]
    gold = {
        qa["id"]: [answer["text"] for answer in qa["answers"]]
        for article in data
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    }
    assert len(gold) == 10570
    assert len(expected) == 2
    for name, numbers in expected.items():
        predicted = json.loads((folder / "squad_predictions" / name).read_text("utf-8"))
        values = scores_by_id(gold, predicted)
        assert values["exact_match"] == numbers["exact_match"]
        assert values["f1"] == numbers["f1"]
        assert values["missing"] == numbers["missing"]
        assert len(set(predicted) - set(gold)) == numbers["extra"]


def words(answer: str) -> list[str]:
    """The official order of steps, character by character and word by word."""
    kept = "".join(char for char in answer.lower() if char not in string.punctuation)
    result, word = [], ""
    for char in kept + " ":
        if char.isspace():
            result += [word] if word else []
            word = ""
        else:
            word += char
    return [word for word in result if word not in ("a", "an", "the")]


TEXT = st.lists(
    st.sampled_from(["a", "The", "AN", "cat", "Cat.", "the-cat", "U.S.", "d'a", ",", "é", "7"]),
    max_size=5,
).map(" ".join)


@settings(max_examples=300)
@given(st.lists(TEXT, min_size=1, max_size=3), TEXT)
def test_one_question_against_a_loop(gold: list[str], predicted: str) -> None:
    best = exact = 0.0
    for reference in gold:
        left, right = words(predicted), words(reference)
        exact = max(exact, float(left == right))
        rest, common = list(right), 0
        for word in left:
            if word in rest:
                rest.remove(word)
                common += 1
        best = max(best, 2 * common / (len(left) + len(right)) if common else 0.0)
    values = SQUAD.compute([gold], [predicted]).values
    assert values["exact_match"] == 100 * exact
    assert values["f1"] == pytest.approx(100 * best)


@pytest.mark.parametrize(
    ("gold", "predicted", "exact", "f1"),
    [
        (["The Cat"], "cat!", 100, 100),
        (["cat"], "a big cat", 0, 200 / 3),
        (["dog", "big cat"], "cat", 0, 200 / 3),
        # Punctuation is removed before articles, and joins the words around it.
        (["anthe"], "an-the", 100, 100),
        (["x"], "the x", 100, 100),
        # No word remains on either side: equal, but without a common word.
        (["the"], "...", 100, 0),
        # Only ASCII punctuation is removed.
        (["“cat”"], "cat", 0, 0),
        (["cat"], None, 0, 0),
        (["cat"], [], 0, 0),
        (["cat"], ["cat", "dog"], 100, 100),
        (["cat"], ["dog", "cat"], 0, 0),
    ],
)
def test_semantics(gold, predicted, exact: float, f1: float) -> None:
    values = SQUAD.compute([gold], [predicted]).values
    assert (values["exact_match"], values["f1"]) == (exact, pytest.approx(f1))


def test_missing_ids_count_as_wrong_and_extra_ids_do_not_count() -> None:
    values = scores_by_id({"a": ["x"], "b": ["y"]}, {"a": "x", "c": "z"})
    assert values == {"exact_match": 50, "f1": 50, "questions": 2, "missing": 1}


def test_primary() -> None:
    gold, predicted = [["big cat"]], ["cat"]
    assert SQUAD.compute(gold, predicted).score == pytest.approx(200 / 3)
    assert EXACT_MATCH.compute(gold, predicted).score == 0
    assert get_metric("squad") is SQUAD
    assert get_metric("exact-match") is EXACT_MATCH


@pytest.mark.parametrize(
    ("gold", "predicted"),
    [
        ([], []),
        ([["a"]], []),
        (["a"], ["a"]),
        ([[]], ["a"]),
        ([[1]], ["a"]),
        ([["a"]], [1]),
        ([["a"]], [[1]]),
    ],
)
def test_shapes_are_checked(gold, predicted) -> None:
    with pytest.raises(DataError):
        SQUAD.compute(gold, predicted)
