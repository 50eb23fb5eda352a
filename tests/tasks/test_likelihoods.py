"""Likelihoods that an online code reads: those of all annotations of an example sum to 1."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from pair_problems import pairs
from tiny_problems import batch_of, build, mixed_of, sentences, texts

from elmobench.data.examples import Edge, EdgeText, LabelledText, MarkedPair, TaggedSentence
from elmobench.tasks.head import OnePassHead
from elmobench.tasks.registries import HEADS, PIPELINES, get_head

TAGGED = [TaggedSentence(e.id, e.tokens, tuple(t[0] for t in e.tags)) for e in sentences(8)]
SETS = [LabelledText(f"t{i}", ("word1", f"word{i}"), ("abc"[i % 3],)) for i in range(6)]
MARKED = [
    MarkedPair(p.id, p.premise, p.hypothesis, ((0, 1), (0, 0)), p.label[:1]) for p in pairs(4)
]
EDGES = [
    EdgeText(f"e{i}", (("word1", "word2", "word3"),), (Edge(((0, 0), (1, 2)), ("xyz"[i % 3],)),))
    for i in range(6)
]


def annotations(example: Any, labels: list[str], *, several: bool) -> Iterator[tuple[Any, int]]:
    """The example with each annotation that it could have, and how many labels these are."""
    sets = [chosen for n in range(len(labels) + 1) for chosen in itertools.combinations(labels, n)]
    if isinstance(example, TaggedSentence):
        for tags in itertools.product(labels, repeat=len(example.tokens)):
            yield replace(example, tags=tags), len(tags)
    elif isinstance(example, LabelledText):
        yield from ((replace(example, labels=chosen), len(labels)) for chosen in sets)
    elif isinstance(example, EdgeText):
        (edge,) = example.edges
        for chosen in sets if several else [(label,) for label in labels]:
            changed = replace(example, edges=(replace(edge, labels=chosen),))
            yield changed, len(labels) if several else 1
    else:
        yield from ((replace(example, label=label), 1) for label in labels)


CASES = [
    ("sentiment/linear", texts(4), {}),
    ("sentiment/mlp", texts(4), {}),
    ("nli/linear", pairs(4), {}),
    ("wic/linear", MARKED, {}),
    ("edges/linear", EDGES, {}),
    ("edges/linear", EDGES, {"decision": "several"}),
    ("multilabel/linear", SETS, {}),
    ("pos/linear", TAGGED, {}),
    ("pos/small", TAGGED, {}),
]


@pytest.mark.parametrize(("name", "examples", "options"), CASES)
def test_the_likelihoods_of_all_annotations_sum_to_one(
    name: str, examples: list[Any], options: dict[str, Any]
) -> None:
    torch.manual_seed(1)
    pipeline = PIPELINES.get(name.partition("/")[0])
    head, mixer = build(pipeline, get_head(*name.split("/")), examples, **options)
    head.eval()
    total, several = 0.0, bool(options)
    short = min(examples, key=lambda e: len(pipeline.tokens(e)))
    for example, number in annotations(short, head.codec.labels, several=several):
        batch = batch_of(pipeline, [example], spare=1)
        total += math.exp(-float(head.nats(batch, mixed_of(mixer, batch)).sum()))
        assert head.coded_labels(batch) == number
    assert total == pytest.approx(1, rel=1e-5)
    kinds = 2 if several or name.startswith("multilabel") else len(head.codec.labels)
    assert head.label_kinds == kinds


def test_a_crf_of_spans_codes_the_tags_of_the_data() -> None:
    examples = sentences(6)
    pipeline = PIPELINES.get("ner")
    head, mixer = build(pipeline, get_head("ner", "linear"), examples)
    batch = batch_of(pipeline, examples)
    tokens = sum(len(example.tokens) for example in examples)
    assert len(head.nats(batch, mixed_of(mixer, batch))) == len(examples)
    assert head.coded_labels(batch) == tokens
    assert head.label_kinds == len({"O", "B-PER", "I-PER", "B-LOC", "I-LOC"})
    # With equal scores the likelihood is the uniform one over the head's own tags, which are BIOUL.
    torch.nn.init.zeros_(head.output.weight)
    torch.nn.init.zeros_(head.output.bias)
    torch.nn.init.zeros_(head.crf.transitions)
    nats = float(head.nats(batch, mixed_of(mixer, batch)).sum())
    assert nats == pytest.approx(tokens * math.log(len(head.codec.labels)), rel=1e-6)


def test_which_heads_have_likelihoods() -> None:
    trained = [n for n in HEADS.names() if not issubclass(HEADS.get(n).head, OnePassHead)]
    without = {name for name in trained if not HEADS.get(name).head.gives_nats}
    assert {name.partition("/")[0] for name in without} == {
        *("regression", "pair-regression", "srl", "qa", "wsd", "coref"),
        *("tree-distance", "tree-depth"),
    }
