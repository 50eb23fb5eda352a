"""The control for both sides: neither side decides, both do, and adding them is right in 75 %."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import product

import pytest

from elmobench.core.errors import ConfigError
from elmobench.data.controls.both_sides import (
    DIFFERENT,
    GENERATOR,
    PERSONS,
    PLACES,
    SAME,
    VERBS,
    BothSidesOptions,
    separate_sides_ceiling,
)
from elmobench.data.examples import EdgeText

SPLITS = ["train", "dev", "test"]
MADE = GENERATOR.generate(BothSidesOptions())


def parts(example: EdgeText) -> tuple[tuple[str, ...], str, tuple[str, ...], str]:
    """Left side, verb, right side and label."""
    (tokens,), (edge,) = example.sentences, example.edges
    ((place, last),) = edge.spans
    assert place == last
    (label,) = edge.labels
    return tokens[:place], tokens[place], tokens[place + 1 :], label


def kind(side: tuple[str, ...]) -> int:
    """0 for a side with a person, 1 for one with a place."""
    (found,) = [i for i, words in enumerate((PERSONS, PLACES)) if {*side} & {*words}]
    return found


@pytest.mark.parametrize("split", SPLITS)
def test_neither_side_nor_the_verb_says_anything_and_both_sides_decide(split: str) -> None:
    labels: dict[object, Counter[str]] = defaultdict(Counter)
    for example in MADE[split]:
        left, verb, right, label = parts(example)
        assert label == (SAME if kind(left) == kind(right) else DIFFERENT)
        for known in (verb, (verb, left), (verb, right), ("place", len(left)), len(right)):
            labels[known][label] += 1
    assert set(VERBS) <= set(labels)
    assert all(counts[SAME] == counts[DIFFERENT] for counts in labels.values())
    assert GENERATOR.context_free_ceiling(MADE[split]) == 50.0
    assert separate_sides_ceiling(MADE[split]) == 75.0


def test_no_side_of_a_verb_is_in_two_splits() -> None:
    sides = [
        {(verb, side) for left, verb, right, _ in map(parts, MADE[split]) for side in (left, right)}
        for split in SPLITS
    ]
    assert sides[0].isdisjoint(sides[1] | sides[2])
    assert sides[1].isdisjoint(sides[2])


def test_sums_of_two_sides_are_right_in_three_of_four_at_best() -> None:
    """Every function with small whole numbers for two left and two right sides."""
    rows = [(0, 0, 1), (1, 1, 1), (0, 1, -1), (1, 0, -1)]
    best = 0
    for numbers in product(range(-3, 4), repeat=4):
        left, right = numbers[:2], numbers[2:]
        best = max(best, sum(sign * (left[i] + right[j]) > 0 for i, j, sign in rows))
    assert best == 3


def test_what_is_not_whole_fours_has_no_ceiling() -> None:
    for examples in (MADE["test"][1:], [*MADE["test"], MADE["test"][0]]):
        with pytest.raises(ValueError, match="expected fours"):
            separate_sides_ceiling(examples)


def test_too_many_examples_are_an_error() -> None:
    sizes = {"train": 40_000, "dev": 4, "test": 4}
    with pytest.raises(ConfigError, match="no new sentence"):
        GENERATOR.generate(BothSidesOptions.model_validate({"sizes": sizes}))
    with pytest.raises(ValueError, match="not whole fours"):
        BothSidesOptions.model_validate({"sizes": {"train": 6}})
