"""Inference: every head learns, equals a naive computation, and never reads padding."""

from __future__ import annotations

import json
import math
import random
from dataclasses import dataclass, field, replace

import pytest
import torch
from pair_problems import batch_of, mixed_of, mixers_of, pairs
from tiny_problems import DIM

from elmobench.core.errors import DataError
from elmobench.data.examples import SentencePair
from elmobench.metrics.base import get_metric
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.head import Batch, SlotBatch
from elmobench.tasks.nli.esim import Esim, EsimOptions
from elmobench.tasks.nli.linear import LinearPair, LinearPairOptions
from elmobench.tasks.nli.pipeline import PIPELINE
from elmobench.tasks.nli.presets import PAPER, SMALL
from elmobench.tasks.registries import PIPELINES, get_head

TINY = {"hidden": 14, "feedforward": 20, "dropout": 0.2}
PLACES = [("input",), ("output",), ("input", "output")]


@dataclass(frozen=True)
class Case:
    name: str
    placements: tuple[str, ...]
    epochs: int
    lr: float
    options: dict = field(default_factory=dict)

    def build(self, examples=None):
        torch.manual_seed(7)
        preset = get_head("nli", self.name)
        options = type(preset.options)(**{**preset.options.model_dump(), **self.options})
        mixers = mixers_of(self.placements)
        dims = {place: mixer.out_dim for place, mixer in mixers.items()}
        return preset.head(dims, PIPELINE.codec(examples or pairs(), None), options), mixers


CASES = [
    Case("linear", ("input",), 60, 0.03),
    Case("small", ("input",), 30, 5e-3, TINY),
    *(Case("paper", places, 30, 5e-3, TINY) for places in PLACES),
]


@pytest.fixture(params=CASES, ids=lambda case: f"{case.name}-{'-'.join(case.placements)}")
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


def train(head, mixers, examples, epochs: int, lr: float) -> None:
    parameters = [*head.parameters(), *(p for m in mixers.values() for p in m.parameters())]
    optimizer = torch.optim.Adam(parameters, lr=lr)
    batches = [batch_of(examples[i : i + 10]) for i in range(0, len(examples), 10)]
    head.train()
    for _ in range(epochs):
        for batch in batches:
            optimizer.zero_grad()
            head.loss(batch, mixed_of(mixers, batch)).backward()
            optimizer.step()
    head.eval()


def accuracy(head, mixers, examples) -> float:
    batch = batch_of(examples)
    predicted = head.predict(batch, mixed_of(mixers, batch))
    return get_metric("accuracy").compute([e.label for e in examples], predicted).score


@pytest.mark.slow
def test_fits_a_tiny_set(case: Case) -> None:
    head, mixers = case.build()
    train(head, mixers, pairs(), case.epochs, case.lr)
    assert accuracy(head, mixers, pairs()) >= 99


@pytest.mark.nightly
def test_nothing_is_learned_from_shuffled_labels(case: Case) -> None:
    examples = pairs(250)
    labels = [example.label for example in examples]
    random.Random(0).shuffle(labels)
    examples = [replace(e, label=label) for e, label in zip(examples, labels, strict=True)]
    head, mixers = case.build(examples)
    train(head, mixers, examples[:50], case.epochs, case.lr)
    dev = examples[50:]
    majority = max(sum(e.label == label for e in dev) for label in set(labels)) / len(dev)
    # Two standard deviations of the fraction of heads in 200 coin tosses are 7 points.
    assert accuracy(head, mixers, dev) <= 100 * majority + 7


def test_loss_reaches_every_parameter_and_every_mix(case: Case) -> None:
    head, mixers = case.build()
    batch = batch_of(pairs())
    head.loss(batch, mixed_of(mixers, batch)).backward()
    named = [*head.named_parameters()]
    for place, mixer in mixers.items():
        named += [(f"{place} {name}", p) for name, p in mixer.named_parameters()]
    for name, parameter in named:
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_results_do_not_depend_on_the_batch(case: Case) -> None:
    head, mixers = case.build()
    head.eval()
    examples = pairs(8)
    together = batch_of(examples, spare=3)
    mixed = mixed_of(mixers, together)
    scores, losses = head.scores(together, mixed), []
    for i, example in enumerate(examples):
        alone = batch_of([example])
        torch.testing.assert_close(
            head.scores(alone, mixed_of(mixers, alone))[0], scores[i], atol=1e-5, rtol=0
        )
        losses.append(head.loss(alone, mixed_of(mixers, alone)))
    torch.testing.assert_close(head.loss(together, mixed), torch.stack(losses).mean())


def test_padding_cannot_change_anything(case: Case) -> None:
    head, mixers = case.build()
    head.eval()
    batch = batch_of(pairs(8), spare=2)
    clean = mixed_of(mixers, batch)
    dirty = {
        place: {
            name: torch.where(batch.slots[name].mask.unsqueeze(-1), x, 1e4)
            for name, x in slots.items()
        }
        for place, slots in clean.items()
    }
    torch.testing.assert_close(head.scores(batch, dirty), head.scores(batch, clean))


def test_state_options_and_codec_restore_a_head(case: Case) -> None:
    head, mixers = case.build()
    train(head, mixers, pairs(10), 1, case.lr)
    preset = get_head("nli", case.name)
    options = type(preset.options)(**{**preset.options.model_dump(), **case.options})
    codec = LabelCodec.model_validate_json(head.codec.model_dump_json())
    again = preset.head(head.input_dims, codec, options)
    again.load_state_dict(head.state_dict())
    again.eval()
    batch = batch_of(pairs())
    mixed = mixed_of(mixers, batch)
    assert torch.equal(again.scores(batch, mixed), head.scores(batch, mixed))
    predictions = again.predict(batch, mixed)
    assert predictions == head.predict(batch, mixed)
    assert json.loads(json.dumps(predictions)) == predictions


@pytest.mark.parametrize("time", [0, 2])
def test_empty_sentences(case: Case, time: int) -> None:
    head, mixers = case.build()
    mask = torch.zeros(2, time, dtype=torch.bool)
    example = SentencePair("e", (), (), "entailment")
    slots = {name: SlotBatch([(), ()], mask, []) for name in ("premise", "hypothesis")}
    batch = Batch([example, example], slots)
    mixed = {place: {name: torch.zeros(2, time, DIM) for name in slots} for place in mixers}
    head.loss(batch, mixed).backward()
    assert set(head.predict(batch, mixed)) <= set(head.codec.labels)


def test_the_probe_equals_its_formula() -> None:
    torch.manual_seed(0)
    head = LinearPair({"input": DIM}, LabelCodec(labels=["a", "b", "c"]), LinearPairOptions())
    batch = batch_of(pairs(6))
    mixed = mixed_of(mixers_of(["input"]), batch)
    scores = head.scores(batch, mixed)
    for i, example in enumerate(batch.examples):
        u = mixed["input"]["premise"][i, : len(example.premise)].mean(dim=0)
        v = mixed["input"]["hypothesis"][i, : len(example.hypothesis)].mean(dim=0)
        x = torch.cat([u, v, abs(u - v), u * v])
        expected = head.output.weight @ x + head.output.bias
        torch.testing.assert_close(scores[i], expected, atol=1e-5, rtol=1e-5)


def read(lstm, x: torch.Tensor) -> torch.Tensor:
    """Both directions over one sentence without padding: (T, D) -> (T, 2 hidden)."""
    ahead, _ = lstm.forwards[0](x.unsqueeze(0))
    back, _ = lstm.backwards[0](x.flip(0).unsqueeze(0))
    return torch.cat([ahead[0], back[0].flip(0)], dim=1)


def naive_attention(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """For each row of x the rows of y, weighted by exp(x · y), one product at a time."""
    rows = []
    for token in x:
        weights = [math.exp(sum(float(a * b) for a, b in zip(token, o, strict=True))) for o in y]
        rows.append(sum(w * o for w, o in zip(weights, y, strict=True)) / sum(weights))
    return torch.stack(rows)


@pytest.mark.parametrize("places", PLACES)
@torch.no_grad()
def test_esim_equals_a_naive_computation(places: tuple[str, ...]) -> None:
    """Pair by pair, without padding and masks, attention by loops."""
    torch.manual_seed(1)
    mixers = mixers_of(places)
    head = Esim(dict.fromkeys(places, DIM), LabelCodec(labels=["a", "b", "c"]), EsimOptions(**TINY))
    head.eval()
    batch = batch_of(pairs(6), spare=1)
    mixed = mixed_of(mixers, batch)
    scores = head.scores(batch, mixed)
    for i, example in enumerate(batch.examples):
        encoded = []
        for name, tokens in (("premise", example.premise), ("hypothesis", example.hypothesis)):
            blocks = []
            if "input" in places:
                blocks.append(read(head.encoder, mixed["input"][name][i, : len(tokens)]))
            if "output" in places:
                blocks.append(mixed["output"][name][i, : len(tokens)])
            encoded.append(torch.cat(blocks, dim=1))
        pooled = []
        for x, y in (encoded, encoded[::-1]):
            summary = naive_attention(x, y)
            enhanced = torch.cat([x, summary, x - summary, x * summary], dim=1)
            inferred = read(head.inference, torch.relu(head.projection(enhanced)))
            pooled += [inferred.mean(dim=0), inferred.max(dim=0).values]
        expected = head.output(torch.relu(head.hidden(torch.cat(pooled))))
        torch.testing.assert_close(scores[i], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("dims", "width"), [({"input": 300}, 600), ({"input": 9, "output": 7}, 607)]
)
def test_the_paper_s_head_has_the_published_sizes(dims: dict[str, int], width: int) -> None:
    head = PAPER.head(dims, LabelCodec(labels=list("abc")), PAPER.options)
    encoder = 2 * 4 * 300 * (dims["input"] + 300 + 2)
    inference = 2 * 4 * 300 * (300 + 300 + 2)
    layers = (4 * width + 1) * 300 + (2400 + 1) * 300 + (300 + 1) * 3
    assert sum(p.numel() for p in head.parameters()) == encoder + inference + layers
    training = PAPER.training
    assert (training.lr, training.plateau_factor, training.clip_norm) == (4e-4, 0.5, 10.0)
    assert (training.batch_size, training.epochs, training.patience) == (32, 75, 5)
    assert PAPER.placements == SMALL.placements == ("input", "output")


def test_slots_gold_and_codec() -> None:
    assert PIPELINES.get("nli") is PIPELINE
    pair = SentencePair("p", ("A", "dog"), ("No", "dog"), "neutral")
    assert PIPELINE.slots(pair) == {"premise": [("A", "dog")], "hypothesis": [("No", "dog")]}
    assert PIPELINE.gold(pair) == "neutral"
    assert pair.tokens == ("A", "dog", "No", "dog")
    assert PIPELINE.codec([pair], ["neutral", "other"]).labels == ["neutral", "other"]
    with pytest.raises(DataError, match="'neutral' is not among"):
        PIPELINE.codec([pair], ["other"])


def test_a_user_s_pair() -> None:
    pair = PIPELINE.from_tokens(("A", "dog.", "|||", "No", "dog."))
    assert (pair.premise, pair.hypothesis) == (("A", "dog."), ("No", "dog."))
    pair = PIPELINE.from_text("A dog. ||| No dog!")
    assert (pair.premise, pair.hypothesis) == (("A", "dog", "."), ("No", "dog", "!"))


@pytest.mark.parametrize("text", ["A dog", "||| a", "a |||", "a ||| b ||| c", "|||", ""])
def test_a_user_s_text_that_is_not_a_pair(text: str) -> None:
    with pytest.raises(DataError, match="two sentences are needed"):
        PIPELINE.from_tokens(tuple(text.split()))
