"""The majority head against counting, in every pipeline that has it; its table survives a file."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from tiny_problems import batch_of, sentences

from elmobench.core.errors import DataError
from elmobench.data.examples import TaggedSentence
from elmobench.metrics.base import get_metric
from elmobench.tasks.head import Head
from elmobench.tasks.registries import HEADS, PIPELINES, get_head
from elmobench.tasks.tagging.pipeline import POS
from elmobench.tasks.task import load_task

NAMES = sorted(name.partition("/")[0] for name in HEADS.names() if name.endswith("/majority"))


def fitted(pipeline: str, train: list[Any]) -> Head[Any]:
    preset = get_head(pipeline, "majority")
    codec = PIPELINES.get(pipeline).codec(train, None)
    head = preset.head({"input": 3}, codec, preset.options)
    halves = [train[: len(train) // 2], train[len(train) // 2 :]]
    head.fit([(_batch(half), {}) for half in halves])
    return head


def _batch(examples: list[Any]) -> Any:
    """A batch without vectors: the head reads the examples alone."""
    return type("Examples", (), {"examples": examples})()


def words(text: str) -> TaggedSentence:
    tokens, tags = zip(*(pair.split("/") for pair in text.split()), strict=True)
    return TaggedSentence(text, tokens, tags)


def test_a_word_has_its_most_frequent_tag_and_unseen_words_that_of_all_tokens() -> None:
    train = [words("a/X b/Y"), words("a/X a/Y c/Y"), words("tie/Z tie/X d/Y")]
    head = fitted("pos", train)
    # Of Z and X, each once, X is the first; Y is the most frequent tag of all.
    assert head.predict(_batch([words("a/Q b/Q c/Q tie/Q new/Q")]), {}) == [
        ["X", "Y", "Y", "X", "Y"]
    ]


@pytest.mark.parametrize("name", NAMES)
def test_answers_are_those_of_counting_and_are_read_back(name: str) -> None:
    task = load_task(f"{name}/control-{name}")
    pipeline = task.pipeline
    train, test = task.split("train")[:300], task.split("test")[:50]
    head = fitted(name, train)
    predicted = head.predict(_batch(test), {})
    items = [item for example in train for item in pipeline.items_of(example)]

    def most(found: list[str]) -> str:
        return sorted(Counter(sorted(found)).items(), key=lambda row: -row[1])[0][0]

    overall = most([label for _, label in items])
    for example, annotation in zip(test, predicted, strict=True):
        labels = []
        for kind, _ in pipeline.items_of(example):
            own = [label for other, label in items if other == kind]
            labels.append(most(own) if own else overall)
        # Of an item, its label and the one in the annotation are written in one of three ways.
        found = annotation if isinstance(annotation, list) else [annotation]
        if name == "multilabel":
            found = [json.dumps(annotation)]
        elif name == "edges":
            found = [json.dumps(one) for one in annotation]
        assert found == labels
    gold = [pipeline.gold(example) for example in test]
    assert all(type(a) is type(b) for a, b in zip(gold, predicted, strict=True))
    preset = get_head(name, "majority")
    other = preset.head({"input": 3}, head.codec, preset.options)
    other.load_state_dict(head.state_dict())
    assert other.predict(_batch(test), {}) == predicted


def test_the_metric_reads_the_spans_of_a_majority() -> None:
    train = sentences(30)
    head = fitted("ner", train)
    predicted = head.predict(batch_of(POS, train), {})
    scores = get_metric("span-f1").compute([list(e.tags) for e in train], predicted)
    assert scores.values["f1"] > 50


def test_nothing_to_count_is_an_error() -> None:
    preset = get_head("pos", "majority")
    head = preset.head({"input": 3}, POS.codec([words("a/X")], None), preset.options)
    with pytest.raises(DataError, match="no training item"):
        head.fit([])
