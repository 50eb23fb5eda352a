"""Parts of speech and chunking: the published probe, and the presets they share with NER."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch
from tiny_problems import DIM, batch_of, build, mixed_of, sentences, train

from elmobench.core.errors import DataError
from elmobench.data.examples import TaggedSentence
from elmobench.metrics.base import get_metric
from elmobench.tasks.head import Batch, SlotBatch
from elmobench.tasks.registries import PIPELINES, get_head
from elmobench.tasks.tagging.pipeline import CHUNKING, NER, POS
from elmobench.tasks.tagging.presets import LINEAR, PAPER, POS_LINEAR, SMALL

KINDS = {"O": "X", "B-PER": "NOUN", "I-PER": "VERB", "B-LOC": "ADJ", "I-LOC": "ADV"}


def words(n: int = 50) -> list[TaggedSentence]:
    """Sentences in which each word has one tag of its own."""
    return [replace(s, tags=tuple(KINDS[tag] for tag in s.tags)) for s in sentences(n)]


def score(metric: str, pipeline, head, mixer, examples) -> float:
    batch = batch_of(pipeline, examples)
    predicted = head.predict(batch, mixed_of(mixer, batch))
    return get_metric(metric).compute([pipeline.gold(e) for e in examples], predicted).score


def test_registered() -> None:
    assert PIPELINES.get("pos") is POS
    assert PIPELINES.get("chunking") is CHUNKING
    assert get_head("pos", "linear") is POS_LINEAR
    for name, preset in {"linear": LINEAR, "small": SMALL, "paper": PAPER}.items():
        assert get_head("chunking", name) is preset
        assert name == "linear" or get_head("pos", name) is preset


def test_the_probe_trains_as_published() -> None:
    training = POS_LINEAR.training
    assert (training.optimizer, training.lr, training.batch_size) == ("adam", 1e-3, 80)
    assert (training.epochs, training.patience) == (50, 3)
    head, _ = build(POS, POS_LINEAR, words())
    assert sum(p.numel() for p in head.parameters()) == (DIM + 1) * len(KINDS)


def test_every_token_is_read_by_itself() -> None:
    """Scores, loss and tags equal a loop over tokens; values at padding are not read."""
    torch.manual_seed(0)
    head, mixer = build(POS, POS_LINEAR, words())
    examples = words(6)
    batch = batch_of(POS, examples, spare=2)
    mixed = mixed_of(mixer, batch)
    mixed["input"]["sentence"][~batch.slots["sentence"].mask] = 1e4
    weight, bias = head.output.weight, head.output.bias
    losses = []
    predicted = head.predict(batch, mixed)
    for i, example in enumerate(examples):
        terms = []
        for t, tag in enumerate(example.tags):
            logits = weight @ mixed["input"]["sentence"][i, t] + bias
            terms.append(logits.logsumexp(0) - logits[head.codec.labels.index(tag)])
            assert predicted[i][t] == head.codec.labels[int(logits.argmax())]
        losses.append(sum(terms))
        assert len(predicted[i]) == len(example.tokens)
    torch.testing.assert_close(head.loss(batch, mixed), torch.stack(losses).mean())


@pytest.mark.parametrize("name", ["linear", "small", "paper"])
def test_pos_heads_fit_a_tiny_set(name: str) -> None:
    torch.manual_seed(3)
    options = {"hidden": 30, "char_filters": 20} if name == "paper" else {}
    head, mixer = build(POS, get_head("pos", name), words(), **options)
    rate = 0.1 if name == "linear" else 5e-3
    train(POS, head, mixer, words(), {"linear": 30, "small": 15, "paper": 30}[name], rate)
    assert score("token-accuracy", POS, head, mixer, words()) >= 99


@pytest.mark.slow
@pytest.mark.parametrize("name", ["linear", "small"])
def test_nothing_is_learned_from_shuffled_tags(name: str) -> None:
    examples = words(250)
    tags = [tag for example in examples for tag in example.tags]
    random.Random(0).shuffle(tags)
    drawn = iter(tags)
    examples = [replace(e, tags=tuple(next(drawn) for _ in e.tags)) for e in examples]
    head, mixer = build(POS, get_head("pos", name), examples)
    train(POS, head, mixer, examples[:50], 15, 0.1 if name == "linear" else 5e-3)
    dev = examples[50:]
    found = [tag for example in dev for tag in example.tags]
    majority = 100 * max(found.count(tag) for tag in set(found)) / len(found)
    # Two standard deviations of a fraction of about a half of 800 tokens are 3.5 points.
    assert score("token-accuracy", POS, head, mixer, dev) <= majority + 3.5


def test_a_softmax_over_the_tags_of_the_data_fits_spans() -> None:
    examples = sentences(50)
    head, mixer = build(NER, get_head("ner", "softmax"), examples)
    assert sorted(head.tags) == ["B-LOC", "B-PER", "I-LOC", "I-PER", "O"]
    assert head.output.weight.shape == (5, DIM)
    train(NER, head, mixer, examples, epochs=20, lr=0.1)
    assert score("span-f1", NER, head, mixer, examples) >= 99


def test_chunking_writes_legal_spans() -> None:
    torch.manual_seed(0)
    head, mixer = build(CHUNKING, LINEAR, sentences())
    batch = batch_of(CHUNKING, sentences())
    for tags in head.predict(batch, mixed_of(mixer, batch)):
        for before, tag in zip(["O", *tags], tags, strict=False):
            assert tag[0] != "I" or before[1:] == tag[1:]
    train(CHUNKING, head, mixer, sentences(), 40, 0.1)
    assert score("span-f1", CHUNKING, head, mixer, sentences()) >= 99


def test_an_unknown_tag_is_named() -> None:
    head, mixer = build(POS, POS_LINEAR, words())
    batch = batch_of(POS, [TaggedSentence("x8", ("word1", "word2"), ("NOUN", "ODD"))])
    with pytest.raises(DataError, match=r"x8, token 1: tag 'ODD' does not occur"):
        head.loss(batch, mixed_of(mixer, batch))


@pytest.mark.parametrize("time", [0, 2])
def test_empty_sentences(time: int) -> None:
    head, mixer = build(POS, POS_LINEAR, words())
    mask = torch.zeros(2, time, dtype=torch.bool)
    batch = Batch([TaggedSentence("e", (), ())] * 2, {"sentence": SlotBatch([(), ()], mask, [])})
    mixed = {"input": {"sentence": torch.zeros(2, time, mixer.out_dim)}}
    head.loss(batch, mixed).backward()
    assert head.predict(batch, mixed) == [[], []]
