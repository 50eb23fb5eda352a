"""Control tags: one random tag per word type, from the distribution of the training set."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict

import pytest

from elmobench.data.examples import Edge, EdgeText, TaggedSentence
from elmobench.tasks.control_labels import ControlLabels
from elmobench.tasks.edges.pipeline import PIPELINE as EDGES
from elmobench.tasks.registries import PIPELINES
from elmobench.tasks.tagging.pipeline import NER, POS
from elmobench.tasks.task import load_task
from elmobench.tasks.wic.pipeline import PIPELINE as WIC


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


def test_words_of_span_tasks_are_outside_or_spans_by_themselves() -> None:
    task = load_task("ner/control-ner")
    given = task.examples()
    control = NER.control_examples(given, task.labels)
    counts = Counter(
        "O" if tag == "O" else f"B-{tag[2:]}" for example in given["train"] for tag in example.tags
    )
    order = list(dict.fromkeys("O" if tag == "O" else f"B-{tag[2:]}" for tag in task.labels))
    tags = {
        (word, tag)
        for examples in control.values()
        for example in examples
        for word, tag in zip(example.tokens, example.tags, strict=True)
    }
    assert {tag for _, tag in tags} == set(order)
    assert all(tag == quantile(counts, order, word) for word, tag in tags)
    assert all(NER.problem_of(e) is None for examples in control.values() for e in examples)


def test_pairs_of_words_have_one_random_set_of_labels() -> None:
    def text(name: str, *edges: tuple[int, int, str]) -> EdgeText:
        return EdgeText(
            name,
            (("a", "b", "c"),),
            tuple(Edge(((u, u), (v, v)), tuple(labels.split())) for u, v, labels in edges),
        )

    train = [text("1", (0, 1, "X"), (1, 0, "Y Z")), text("2", (0, 2, "X"), (2, 1, "Z Y"))]
    test = [text("3", (1, 0, "Q"), (0, 1, "Q"))]
    control = EDGES.control_examples({"train": train, "test": test}, ["X", "Y", "Z", "Q"])
    drawn: defaultdict[tuple[int, int], set[tuple[str, ...]]] = defaultdict(set)
    for example in (*control["train"], *control["test"]):
        for edge in example.edges:
            drawn[edge.spans[0][0], edge.spans[1][0]].add(edge.labels)
    # Half of the edges of train have X, the others Y and Z; JSON sorts '["X"]' before '["Y", "Z"]'.
    counts = {"x": 2, "y": 2}
    sets = {"x": ("X",), "y": ("Y", "Z")}
    for (u, v), found in drawn.items():
        assert found == {sets[quantile(counts, ["x", "y"], f"{'abc'[u]}\n{'abc'[v]}")]}


def test_pairs_of_marked_words_have_one_random_label() -> None:
    task = load_task("wic/control-wic")
    control = WIC.control_examples(task.examples(), task.labels)
    counts = Counter(example.label for example in task.split("train"))
    for examples in control.values():
        for pair in examples:
            (a, b), (c, d) = pair.marks
            words = f"{' '.join(pair.first[a : b + 1])}\n{' '.join(pair.second[c : d + 1])}"
            assert pair.label == quantile(counts, task.labels, words)


def test_pipelines_without_a_control_say_so() -> None:
    for name in PIPELINES.names():
        pipeline = PIPELINES.get(name)
        if not pipeline.has_control:
            with pytest.raises(NotImplementedError, match=name):
                pipeline.control_examples({"train": []}, [])
