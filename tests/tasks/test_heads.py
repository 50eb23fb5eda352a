"""The heads of sentiment and tagging: they learn, and other sentences never affect a sentence."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field, replace

import pytest
import torch
from tiny_problems import batch_of, build, mixed_of, sentences, texts, train

from elmobench.core.errors import DataError
from elmobench.data.examples import ClassifiedText, TaggedSentence
from elmobench.metrics.base import get_metric
from elmobench.tasks.base import LabelCodec, Pipeline
from elmobench.tasks.head import Batch, HeadPreset, SlotBatch
from elmobench.tasks.registries import get_head
from elmobench.tasks.sentiment import pipeline as sentiment
from elmobench.tasks.tagging import pipeline as tagging

BCN = {
    "feedforward": 30,
    "encoder": 20,
    "integrator": 20,
    "maxout": (30, 20),
    "embedding_dropout": 0.2,
}


@dataclass(frozen=True)
class Case:
    """One preset, with sizes that are fast enough for a test."""

    pipeline: Pipeline
    name: str
    epochs: int
    lr: float
    options: dict = field(default_factory=dict)

    @property
    def preset(self) -> HeadPreset:
        return get_head(self.pipeline.name, self.name)

    @property
    def examples(self) -> list:
        return texts() if self.pipeline is sentiment.PIPELINE else sentences()

    def build(self):
        torch.manual_seed(7)
        return build(self.pipeline, self.preset, self.examples, **self.options)


CASES = [
    Case(sentiment.PIPELINE, "linear", 40, 0.1),
    Case(sentiment.PIPELINE, "mlp", 30, 1e-2),
    Case(sentiment.PIPELINE, "small", 40, 3e-3),
    Case(sentiment.PIPELINE, "paper", 60, 5e-3, BCN),
    Case(tagging.NER, "linear", 40, 0.1),
    Case(tagging.NER, "small", 15, 5e-3),
    Case(tagging.NER, "paper", 30, 5e-3, {"hidden": 30, "char_filters": 20}),
    Case(tagging.CHUNKING, "linear", 40, 0.1),
    Case(tagging.CHUNKING, "small", 15, 5e-3),
]


METRIC = {"sentiment": "accuracy", "ner": "span-f1", "chunking": "span-f1"}


@pytest.fixture(params=CASES, ids=lambda c: f"{c.pipeline.name}-{c.name}")
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


def raw_scores(head, batch, mixed) -> torch.Tensor:
    method = head.scores if hasattr(head, "scores") else head.emissions
    return method(batch, mixed).detach()


@pytest.mark.slow
def test_fits_a_tiny_set(case: Case) -> None:
    head, mixer = case.build()
    train(case.pipeline, head, mixer, case.examples, case.epochs, case.lr)
    batch = batch_of(case.pipeline, case.examples)
    predicted = head.predict(batch, mixed_of(mixer, batch))
    gold = [case.pipeline.gold(example) for example in case.examples]
    assert get_metric(METRIC[case.pipeline.name]).compute(gold, predicted).score >= 99


@pytest.mark.nightly
def test_nothing_is_learned_from_shuffled_labels(case: Case) -> None:
    """With random labels (random types, for spans) a head is no better than chance."""
    draw = random.Random(5)

    def drawn(example):
        if isinstance(example, ClassifiedText):
            return replace(example, label=draw.choice(["pos", "neg"]))
        tags: list[str] = []
        for tag in example.tags:
            if tag.startswith("B"):
                tag = f"B-{draw.choice(['PER', 'LOC'])}"
            elif tag.startswith("I"):
                tag = f"I{tags[-1][1:]}"
            tags.append(tag)
        return replace(example, tags=tuple(tags))

    make = texts if case.pipeline is sentiment.PIPELINE else sentences
    examples = [drawn(example) for example in make(350)]
    dev = examples[50:]
    torch.manual_seed(7)
    head, mixer = build(case.pipeline, case.preset, examples, **case.options)
    train(case.pipeline, head, mixer, examples[:50], case.epochs // 2, case.lr)
    batch = batch_of(case.pipeline, dev)
    gold = [case.pipeline.gold(example) for example in dev]
    predicted = head.predict(batch, mixed_of(mixer, batch))
    score = get_metric(METRIC[case.pipeline.name]).compute(gold, predicted).score
    # A constant label gets half of them right; two standard errors among 300 are 5.8 points.
    assert score <= 56


def test_loss_reaches_every_parameter_and_the_mix(case: Case) -> None:
    head, mixer = case.build()
    batch = batch_of(case.pipeline, case.examples)
    head.loss(batch, mixed_of(mixer, batch)).backward()
    for name, parameter in [*head.named_parameters(), *mixer.named_parameters()]:
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_results_do_not_depend_on_the_batch(case: Case) -> None:
    head, mixer = case.build()
    head.eval()
    examples = case.examples[:8]
    together = batch_of(case.pipeline, examples, spare=3)
    mixed = mixed_of(mixer, together)
    scores = raw_scores(head, together, mixed)
    predictions = head.predict(together, mixed)
    losses = []
    for i, example in enumerate(examples):
        alone = batch_of(case.pipeline, [example])
        mixed_alone = mixed_of(mixer, alone)
        expected = raw_scores(head, alone, mixed_alone)[0]
        found = scores[i] if scores.dim() == 2 else scores[i, : len(expected)]
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
        assert head.predict(alone, mixed_alone) == [predictions[i]]
        losses.append(head.loss(alone, mixed_alone))
    total = torch.stack(losses).sum()
    reduced = total if getattr(head, "reduction", "mean") == "sum" else total / len(examples)
    torch.testing.assert_close(head.loss(together, mixed), reduced, atol=1e-4, rtol=1e-5)


def test_padding_cannot_change_anything(case: Case) -> None:
    head, mixer = case.build()
    head.eval()
    batch = batch_of(case.pipeline, case.examples[:8])
    (slot,) = batch.slots.values()
    clean = mixed_of(mixer, batch)
    (name,) = batch.slots
    garbage = torch.where(slot.mask.unsqueeze(-1), clean["input"][name], 1e4)
    dirty = {"input": {name: garbage}}
    torch.testing.assert_close(head.loss(batch, dirty), head.loss(batch, clean))
    assert head.predict(batch, dirty) == head.predict(batch, clean)


def test_state_options_and_codec_restore_a_head(case: Case) -> None:
    head, mixer = case.build()
    train(case.pipeline, head, mixer, case.examples[:10], 1, case.lr)
    options = type(case.preset.options)(**{**case.preset.options.model_dump(), **case.options})
    codec = LabelCodec.model_validate_json(head.codec.model_dump_json())
    restored = type(options).model_validate_json(options.model_dump_json())
    again = case.preset.head(head.input_dims, codec, restored)
    again.load_state_dict(head.state_dict())
    again.eval()
    batch = batch_of(case.pipeline, case.examples)
    mixed = mixed_of(mixer, batch)
    assert torch.equal(raw_scores(again, batch, mixed), raw_scores(head, batch, mixed))
    assert again.predict(batch, mixed) == head.predict(batch, mixed)


def test_torchs_generator_is_the_only_source_of_chance(case: Case) -> None:
    states = []
    for _ in range(2):
        head, mixer = case.build()
        train(case.pipeline, head, mixer, case.examples[:20], 1, case.lr)
        states.append(head.state_dict())
    for key, value in states[0].items():
        assert torch.equal(value, states[1][key]), key
    batch = batch_of(case.pipeline, case.examples[:5])
    before = torch.get_rng_state()
    head.predict(batch, mixed_of(mixer, batch))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("time", [0, 2])
def test_empty_sentences(case: Case, time: int) -> None:
    head, mixer = case.build()
    name = next(iter(case.pipeline.slots(case.examples[0])))
    is_text = case.pipeline is sentiment.PIPELINE
    label = case.examples[0].label if is_text else None
    example = ClassifiedText("e", (), label) if is_text else TaggedSentence("e", (), ())
    mask = torch.zeros(2, time, dtype=torch.bool)
    batch = Batch([example, example], {name: SlotBatch([(), ()], mask, [])})
    mixed = {"input": {name: torch.zeros(2, time, mixer.out_dim)}}
    head.loss(batch, mixed).backward()
    head.eval()
    predictions = head.predict(batch, mixed)
    if is_text:
        assert set(predictions) <= set(head.codec.labels)
    else:
        assert predictions == [[], []]


def test_predictions_are_json(case: Case) -> None:
    head, mixer = case.build()
    head.eval()
    batch = batch_of(case.pipeline, case.examples)
    predictions = head.predict(batch, mixed_of(mixer, batch))
    assert json.loads(json.dumps(predictions)) == predictions
    if case.pipeline is tagging.NER:
        # Even an untrained head gives legal BIO only.
        for tags, example in zip(predictions, case.examples, strict=True):
            assert len(tags) == len(example.tokens)
            for before, tag in zip(["O", *tags], tags, strict=False):
                assert tag[0] != "I" or before[1:] == tag[1:]


def test_unknown_labels_are_named() -> None:
    case = CASES[0]
    head, mixer = case.build()
    batch = batch_of(case.pipeline, [ClassifiedText("x7", ("word1",), "odd")])
    with pytest.raises(DataError, match=r"x7.*'odd'"):
        head.loss(batch, mixed_of(mixer, batch))
    case = CASES[4]
    head, mixer = case.build()
    for tag, message in (("B-ODD", "x8, token 0.*does not occur"), ("I-PER", "x8, token 0")):
        batch = batch_of(case.pipeline, [TaggedSentence("x8", ("word1",), (tag,))])
        with pytest.raises(DataError, match=message):
            head.loss(batch, mixed_of(mixer, batch))


def lstm_size(inputs: int, hidden: int) -> int:
    """Both directions: four gates, input and recurrent weights, two biases."""
    return 2 * 4 * hidden * (inputs + hidden + 2)


@pytest.mark.parametrize("dim", [100, 1024])
def test_paper_heads_have_the_published_sizes(dim: int) -> None:
    preset = get_head("sentiment", "paper")
    head = preset.head({"input": dim}, LabelCodec(labels=list("01234")), preset.options)
    expected = (
        (dim + 1) * 300
        + lstm_size(300, 300)
        + lstm_size(3 * 600, 300)
        + (600 + 1)
        + (2400 + 1) * 1200 * 4
        + (1200 + 1) * 600 * 4
        + (600 + 1) * 5 * 4
    )
    assert sum(p.numel() for p in head.parameters()) == expected
    preset = get_head("ner", "paper")
    example = TaggedSentence("s", ("abc",) * 4, ("B-PER", "B-LOC", "B-ORG", "B-MISC"))
    head = preset.head({"input": dim}, tagging.NER.codec([example], None), preset.options)
    expected = (
        (3 + 2) * 16
        + 16 * 3 * 128
        + 128
        + lstm_size(dim + 128, 200)
        + lstm_size(400, 200)
        + (400 + 1) * 17
        + 17 * 17
    )
    assert sum(p.numel() for p in head.parameters()) == expected
