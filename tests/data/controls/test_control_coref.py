"""The control for coreference: its twins, its distances, and its ceiling."""

from __future__ import annotations

import hashlib
import itertools

import pytest

from elmobench.data.controls import GENERATORS
from elmobench.data.controls.coref import AMBIGUOUS, CUES
from elmobench.metrics.base import get_metric
from elmobench.tasks.task import load_task

SPLITS = ["train", "dev", "test"]
NOUNS = {noun: pronoun for pronoun, nouns in CUES.items() for noun in nouns}


def made(**options):
    generator = GENERATORS.get("control-coref")
    return generator.generate(generator.options_type(**options))


def blanked(example) -> tuple[str, ...]:
    return tuple("_" if word in NOUNS else word for word in example.tokens)


def test_sizes_and_no_text_twice() -> None:
    splits = made()
    assert {split: len(examples) for split, examples in splits.items()} == {
        "train": 600,
        "dev": 150,
        "test": 300,
    }
    texts = [example.sentences for examples in splits.values() for example in examples]
    assert len(set(texts)) == len(texts)
    train = {word for example in splits["train"] for word in example.tokens}
    for split in ("dev", "test"):
        assert {word for example in splits[split] for word in example.tokens} <= train


def test_generated_bytes_are_pinned() -> None:
    """If a change is intended, raise the generator's version and supersede its card."""
    text = "\n".join(
        f"{split} CoreferenceDocument(id={e.id!r}, sentences={e.sentences!r}, "
        f"clusters={e.clusters!r})"
        for split, examples in made().items()
        for e in examples
    )
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert digest == "cb0c937f30a0c00f5553d6c7c2dc0ed8d7bb1fd6049e078cce30714062e714a2"
    assert made(seed=2) != made()
    assert made(seed=2) == made(seed=2)


@pytest.mark.parametrize("distance", range(7))
def test_the_noun_before_a_name_decides_its_gender(distance: int) -> None:
    for example in made(distance=distance)["test"]:
        ((name, _), (pronoun, _)) = example.clusters[0]
        nouns = [i for i, word in enumerate(example.tokens) if word in NOUNS]
        assert {NOUNS[example.tokens[i]] for i in nouns} == {"she", "he"}
        assert name - distance - 1 in nouns
        word = example.tokens[pronoun].lower()
        assert NOUNS[example.tokens[name - distance - 1]] == word
        assert len(example.sentences) == 2
        assert name < len(example.sentences[0]) <= pronoun


@pytest.mark.parametrize("split", SPLITS)
def test_six_in_ten_are_twins_that_differ_in_the_nouns_only(split: str) -> None:
    examples = made()[split]
    looks: dict[tuple[str, ...], list] = {}
    for example in examples:
        looks.setdefault(blanked(example), []).append(example)
    pairs = [group for group in looks.values() if len(group) > 1]
    assert 2 * len(pairs) / len(examples) == pytest.approx(0.6)
    for left, right in pairs:
        assert sorted(left.tokens) == sorted(right.tokens)
        assert {left.clusters[0][1], right.clusters[0][1]} == {left.clusters[0][1]}
        assert left.clusters[0][0] != right.clusters[0][0]
    for group in looks.values():
        name = group[0].tokens[group[0].clusters[0][0][0]]
        assert (name in AMBIGUOUS) == (len(group) == 2)


def test_the_card_states_the_ceiling() -> None:
    task = load_task("coref/control-coref")
    generator = GENERATORS.get("control-coref")
    assert task.card.ceiling is not None
    for split in SPLITS:
        found = generator.context_free_ceiling(task.split(split))
        assert found == pytest.approx(task.card.ceiling.context_free, abs=1e-9)


def test_the_ceiling_is_the_best_clustering_that_is_equal_for_twins() -> None:
    """Every choice of disjoint clusters of two or three mentions for every twin, by the metric."""
    generator = GENERATORS.get("control-coref")
    options = generator.options_type(
        sizes={"train": 2, "dev": 2, "test": 10}, ambiguous=0.6, seed=5
    )
    examples = generator.generate(options)["test"]
    looks: dict[tuple[str, ...], list[int]] = {}
    for i, example in enumerate(examples):
        looks.setdefault(blanked(example), []).append(i)
    gold = [[list(map(list, c)) for c in e.clusters] for e in examples]
    twins = [group for group in looks.values() if len(group) == 2]
    assert len(twins) == 3
    choices = []
    for left, right in twins:
        mentions = sorted({tuple(m) for i in (left, right) for m in gold[i][0]})
        subsets = [c for n in (2, 3) for c in itertools.combinations(mentions, n)]
        choices.append([[], *([[list(m) for m in subset]] for subset in subsets)])
    best = 0.0
    metric = get_metric("coref")
    for chosen in itertools.product(*choices):
        predicted = list(gold)
        for group, clusters in zip(twins, chosen, strict=True):
            for i in group:
                predicted[i] = clusters
        best = max(best, metric.compute(gold, predicted).score)
    assert generator.context_free_ceiling(examples) == pytest.approx(best)
