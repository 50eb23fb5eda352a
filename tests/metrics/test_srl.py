from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elmobench.core.errors import DataError
from elmobench.metrics.base import get_metric
from elmobench.metrics.spans import SPAN_F1
from elmobench.metrics.srl import SRL_F1, arguments

LABELS = ["A0", "A1", "R-A0", "V", "C-A0", "C-A1", "C-V"]


def test_registered() -> None:
    assert get_metric("srl-f1") is SRL_F1


@pytest.mark.shared
def test_equal_to_the_official_program(shared: Path) -> None:
    cases = json.loads((shared / "fixtures" / "scorers" / "srl_cases.json").read_text())
    assert len(cases) == 50
    joined = 0
    for case in cases:
        gold = [g for _, g, _ in case["props"]]
        predicted = [p for _, _, p in case["props"]]
        scores = SRL_F1.compute(gold, predicted)
        assert SRL_F1.scorer(gold)(predicted) == scores.score
        rows = {"Overall": scores.values, **scores.per_class}
        assert set(rows) == set(case["perl"]["rows"])
        for label, (correct, excess, missed, p, r, f) in case["perl"]["rows"].items():
            row = rows[label]
            assert row["correct"] == correct
            assert row["found"] - row["correct"] == excess
            assert row["support"] - row["correct"] == missed
            assert row["precision"] == pytest.approx(p, abs=0.00501)
            assert row["recall"] == pytest.approx(r, abs=0.00501)
            assert row["f1"] == pytest.approx(f, abs=0.00501)
        assert scores.values["perfect"] == pytest.approx(case["perl"]["perfect"], abs=0.00501)
        joined += abs(SPAN_F1.compute(gold, predicted).score - scores.score) > 5
    # In these cases this scorer differs from plain span F1.
    assert joined > 5


def naive(tags: list[str]) -> list[tuple[str, list[list[int]]]]:
    """Token sets of the arguments; a C- span is added to the last argument with its label."""
    result: list[tuple[str, list[list[int]]]] = []
    owner = None
    for i, tag in enumerate(tags):
        if tag[0] == "I":
            assert owner is not None
            owner[1][-1].append(i)
        elif tag[0] == "B":
            label = tag[2:]
            owner = None
            if label.startswith("C-"):
                label = label[2:]
                owner = next((a for a in reversed(result) if a[0] == label), None)
            if owner is None:
                owner = (label, [])
                result.append(owner)
            owner[1].append([i])
    return result


@settings(max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(["O", *LABELS]), st.integers(1, 3)), max_size=8))
def test_arguments_equal_a_loop_over_tokens(runs: list[tuple[str, int]]) -> None:
    tags: list[str] = []
    for label, length in runs:
        if label == "O":
            tags += ["O"] * length
        else:
            tags += [f"B-{label}"] + [f"I-{label}"] * (length - 1)
    expected = {
        (label, tuple((part[0], part[-1] + 1) for part in parts)) for label, parts in naive(tags)
    }
    assert arguments(tags) == expected


def test_the_predicate_counts_only_in_its_own_row() -> None:
    scores = SRL_F1.compute([["B-V", "B-A0", "B-C-V"]], [["O", "B-A0", "B-V"]])
    assert scores.score == 100
    assert scores.values["perfect"] == 100
    assert scores.per_class["V"]["f1"] == 0


def test_no_arguments() -> None:
    assert SRL_F1.compute([["O"]], [["O"]]).score == 0
    assert SRL_F1.compute([["B-A0"]], [["O"]]).values["precision"] == 0
    assert SRL_F1.compute([["O"]], [["B-A0"]]).values["recall"] == 0


@pytest.mark.parametrize(
    ("gold", "predicted", "message"),
    [
        ([["O"]], [], "1 gold propositions but 0 predictions"),
        ([["O"]], [["O", "O"]], "1 gold tags but 2"),
        ([["O"]], [["A0"]], "'A0' is not a BIO tag"),
        ([["O"]], ["O"], "expected a list of tags"),
        ([["I-A0"]], [["O"]], "gold proposition 0, token 0.*I-A0 does not follow"),
        ([["O", "O"]], [["B-A0", "I-A1"]], "predicted proposition 0, token 1"),
    ],
)
def test_bad_input(gold, predicted, message: str) -> None:
    with pytest.raises(DataError, match=message):
        SRL_F1.compute(gold, predicted)
    with pytest.raises(DataError, match=message):
        SRL_F1.scorer(gold)(predicted)
