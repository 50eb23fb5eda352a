"""The controls for regression: their ceilings by brute force, and what decides the numbers."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import Any

import numpy as np
import pytest

from elmobench.data.controls import GENERATORS
from elmobench.data.controls.ceilings import number_ceiling
from elmobench.data.controls.regression import RATINGS
from elmobench.tasks.task import load_task

NAMES = ["control-regression", "control-pair-regression"]


def made(name: str, **options: Any) -> dict[str, list[Any]]:
    generator = GENERATORS.get(name)
    return generator.generate(generator.options_type(**options))


def bag(example: Any) -> Any:
    if hasattr(example, "first"):
        return tuple(sorted(example.first)), tuple(sorted(example.second))
    return tuple(sorted(example.tokens))


@pytest.mark.parametrize("name", NAMES)
def test_the_card_states_the_ceiling_of_test(name: str) -> None:
    task = load_task(name)
    assert task.card.ceiling is not None
    generator = GENERATORS.get(name)
    ceiling = task.card.ceiling.context_free
    assert generator.context_free_ceiling(task.split("test")) == pytest.approx(ceiling, abs=1e-9)
    for split in ("train", "dev"):
        found = generator.context_free_ceiling(task.split(split))
        assert found == pytest.approx(ceiling, abs=3)


@pytest.mark.parametrize("name", NAMES)
def test_no_function_of_the_bags_exceeds_the_ceiling(name: str) -> None:
    """The mean number of each bag reaches it; 300 functions near that do not exceed it."""
    examples = made(name)["test"]
    numbers = np.array([example.value for example in examples])
    groups: dict[Any, list[int]] = defaultdict(list)
    for i, example in enumerate(examples):
        groups[bag(example)].append(i)
    ceiling = GENERATORS.get(name).context_free_ceiling(examples)
    means = np.empty(len(examples))
    for members in groups.values():
        means[members] = numbers[members].mean()
    assert 100 * np.corrcoef(means, numbers)[0, 1] == pytest.approx(ceiling)
    draw = np.random.default_rng(0)
    for _ in range(300):
        other = means.copy()
        for members in groups.values():
            other[members] += draw.normal(scale=0.3)
        assert 100 * np.corrcoef(other, numbers)[0, 1] < ceiling


def test_ceiling_of_a_case_by_hand() -> None:
    # The means 2 and 4 of the two groups; variances 1 between and 2 in all.
    assert number_ceiling([("a", 1.0), ("a", 3.0), ("b", 3.0), ("b", 5.0)]) == pytest.approx(
        100 * (1 / 2) ** 0.5
    )


@pytest.mark.parametrize("name", NAMES)
def test_splits_share_no_bag_and_twins_are_together(name: str) -> None:
    bags: dict[str, set[Any]] = {}
    for split, examples in made(name).items():
        bags[split] = set(map(bag, examples))
        twins: dict[Any, set[float]] = defaultdict(set)
        for example in examples:
            twins[bag(example)].add(example.value)
        ambiguous = sum(len(values) == 2 for values in twins.values())
        assert 2 * ambiguous / len(examples) == pytest.approx(0.6)
    assert not bags["train"] & bags["dev"]
    assert not bags["train"] & bags["test"]
    assert not bags["dev"] & bags["test"]


def test_the_asserted_adjective_decides() -> None:
    for example in made("control-regression")["test"]:
        rated = [word for word in example.tokens if word in RATINGS]
        assert len(rated) == 2
        assert example.value in {RATINGS[word] for word in rated}


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("control-regression", "6116adc1c28bdf928761216f1a8f56a9e3f6d7c83b35991ff4b62d6d7825b220"),
        (
            "control-pair-regression",
            "f6d0eb8f0481cb59bfd7ac7b4241e5f85c5c36bd899ad47c4ea62addbdb080c8",
        ),
    ],
)
def test_generated_bytes_are_pinned(name: str, digest: str) -> None:
    """If a change is intended, raise the generator's version and supersede its card."""
    text = "\n".join(
        f"{split} {example.id} {bag(example)} {' '.join(example.tokens)} {example.value}"
        for split, examples in made(name).items()
        for example in examples
    )
    assert hashlib.sha256(text.encode()).hexdigest() == digest


@pytest.mark.parametrize("name", NAMES)
def test_other_seeds_and_sizes(name: str) -> None:
    splits = made(name, seed=3, sizes={"train": 40, "dev": 10, "test": 20}, ambiguous=1.0)
    assert [len(splits[split]) for split in ("train", "dev", "test")] == [40, 10, 20]
    assert splits["test"] != made(name)["test"][:20]
