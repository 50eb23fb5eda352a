"""Control tags: one random tag per word type, from the distribution of the training set."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict

import pytest

from elmobench.data.examples import TaggedSentence
from elmobench.tasks.control_labels import ControlLabels
from elmobench.tasks.registries import PIPELINES
from elmobench.tasks.tagging.pipeline import POS
from elmobench.tasks.task import load_task


def quantile(counts: dict[str, int], order: list[str], word: str) -> str:
    """The quantile function, by walking over the cumulative shares."""
    point = int(hashlib.sha256(word.encode()).hexdigest()[:16], 16) / 2**64
    total, below = sum(counts.values()), 0.0
    for label in order:
        below += counts.get(label, 0) / total
        if point < below:
            return label
    raise AssertionError("shares do not sum to 1")


def test_labels_are_the_quantile_function_at_the_hash_of_the_word() -> None:
    order, counts = ["a", "b", "c", "d"], {"a": 5, "c": 1, "d": 14}
    control = ControlLabels(order, counts)
    for word in (f"word{i}" for i in range(2000)):
        assert control.label(word) == quantile(counts, order, word)


def test_labels_follow_the_distribution() -> None:
    """Chi-square of 20,000 fixed types: 3 degrees of freedom, so 30 is far beyond chance."""
    counts = {"a": 700, "b": 200, "c": 90, "d": 10}
    control = ControlLabels(list(counts), counts)
    number = 20_000
    drawn = Counter(control.label(f"type{i}") for i in range(number))
    expected = {label: number * count / 1000 for label, count in counts.items()}
    assert sum((drawn[label] - e) ** 2 / e for label, e in expected.items()) < 30


def test_no_label_to_draw_is_an_error() -> None:
    with pytest.raises(ValueError, match="no label"):
        ControlLabels(["a"], {"b": 2})


def test_a_word_has_one_tag_in_all_splits_and_the_rest_is_unchanged() -> None:
    task = load_task("pos/control-pos")
    given = task.examples()
    control = POS.control_examples(given, task.labels)
    tags: defaultdict[str, set[str]] = defaultdict(set)
    changed = 0
    for split, examples in given.items():
        for before, after in zip(examples, control[split], strict=True):
            assert (after.id, after.tokens) == (before.id, before.tokens)
            assert len(after.tags) == len(before.tags)
            changed += after.tags != before.tags
            for word, tag in zip(after.tokens, after.tags, strict=True):
                tags[word].add(tag)
    assert changed
    assert {len(found) for found in tags.values()} == {1}
    counts = Counter(tag for example in given["train"] for tag in example.tags)
    for word, found in tags.items():
        assert found == {quantile(counts, task.labels, word)}


def test_only_the_training_set_decides_the_distribution() -> None:
    def sentence(name: str, *pairs: str) -> TaggedSentence:
        words, tags = zip(*(pair.split("/") for pair in pairs), strict=True)
        return TaggedSentence(name, words, tags)

    splits = {"train": [sentence("1", "a/X", "b/X")], "test": [sentence("2", "a/Y", "new/Z")]}
    control = POS.control_examples(splits, ["X", "Y", "Z"])
    assert control["test"][0].tags == ("X", "X")


def test_pipelines_without_a_control_say_so() -> None:
    for name in PIPELINES.names():
        pipeline = PIPELINES.get(name)
        if not pipeline.has_control:
            with pytest.raises(NotImplementedError, match=name):
                pipeline.control_examples({"train": []}, [])
