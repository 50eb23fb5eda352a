"""Heads that label edges: learning, pooling and the published head against loops, errors."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest
import torch
from tiny_problems import WORDS, batch_of, build, mixed_of, train
from torch.nn import functional as F

from elmobench.core.errors import DataError
from elmobench.data.examples import Edge, EdgeText, Sentence, Span
from elmobench.metrics.base import get_metric
from elmobench.tasks.edges.base import span_maxima, span_means
from elmobench.tasks.edges.pipeline import PIPELINE
from elmobench.tasks.head import Batch, SlotBatch
from elmobench.tasks.registries import get_head

CASES = [("linear", 60, 0.1), ("small", 30, 5e-3), ("paper", 40, 5e-3)]
HEADS = [case[0] for case in CASES]


def texts(n: int = 50, sides: int = 2, several: bool = False) -> list[EdgeText]:
    """Edges whose labels are the quarters of the vocabulary that their spans are of.

    A text has one or two sentences and one to four edges; a span is of one to three tokens.
    """
    draw = random.Random(8)
    made = []
    for i in range(n):
        sentences: list[Sentence] = []
        spans: list[tuple[Span, int]] = []
        position = 0
        for _ in range(draw.randint(1, 2)):
            tokens: list[str] = []
            for _ in range(draw.randint(2, 3)):
                quarter, width = draw.randrange(2), draw.randint(1, 3)
                start = position + len(tokens)
                spans.append(((start, start + width - 1), quarter))
                tokens += [WORDS[10 * quarter + draw.randrange(10)] for _ in range(width)]
                tokens += [draw.choice(WORDS[20:])] * draw.randint(0, 1)
            sentences.append(tuple(tokens))
            position += len(tokens)
        edges = []
        for _ in range(draw.randint(1, 4)):
            chosen = draw.sample(spans, sides)
            quarters = [quarter for _, quarter in chosen]
            labels = [f"{side}{quarter}" for side, quarter in enumerate(quarters) if quarter]
            single = "".join(map(str, quarters))
            edges.append(
                Edge(tuple(span for span, _ in chosen), tuple(labels) if several else (single,))
            )
        made.append(EdgeText(f"t{i}", tuple(sentences), tuple(edges)))
    return made


def built(preset: str, examples: list[EdgeText], **options: Any) -> tuple[Any, Any]:
    torch.manual_seed(7)
    return build(PIPELINE, get_head("edges", preset), examples, **options)


@pytest.mark.slow
@pytest.mark.parametrize("several", [False, True], ids=["one label", "several labels"])
@pytest.mark.parametrize(("preset", "epochs", "lr"), CASES, ids=HEADS)
def test_a_head_learns(preset: str, epochs: int, lr: float, several: bool) -> None:
    examples = texts(several=several)
    head, mixer = built(preset, examples)
    assert head.one_label == (not several and preset != "paper")
    batch = batch_of(PIPELINE, examples)
    head.loss(batch, mixed_of(mixer, batch)).backward()
    for name, parameter in [*head.named_parameters(), *mixer.named_parameters()]:
        assert parameter.grad is not None, name
        if not name.endswith("attention.bias"):  # it has no effect on a softmax
            assert parameter.grad.abs().sum() > 0, name
    train(PIPELINE, head, mixer, examples, epochs, lr)
    predicted = head.predict(batch, mixed_of(mixer, batch))
    assert json.loads(json.dumps(predicted)) == predicted
    gold = [PIPELINE.gold(example) for example in examples]
    assert get_metric("edge-accuracy").compute(gold, predicted).score >= 95
    assert any(len(labels) != 1 for text in predicted for labels in text) == several


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("preset", HEADS)
def test_results_depend_neither_on_the_batch_nor_on_padding(preset: str, sides: int) -> None:
    examples = texts(8, sides)
    head, mixer = built(preset, examples)
    head.eval()
    together = batch_of(PIPELINE, examples, spare=3)
    mixed = mixed_of(mixer, together)
    mask = together.slots["text"].mask.unsqueeze(-1)
    dirty = {"input": {"text": torch.where(mask, mixed["input"]["text"], 1e4)}}
    scores = head.scores(together, mixed)
    torch.testing.assert_close(head.scores(together, dirty), scores)
    alone = [batch_of(PIPELINE, [example]) for example in examples]
    torch.testing.assert_close(
        torch.cat([head.scores(one, mixed_of(mixer, one)) for one in alone]),
        scores,
        atol=1e-5,
        rtol=1e-5,
    )
    # The loss is the mean over edges, not over texts.
    sizes = torch.tensor([len(example.edges) for example in examples], dtype=torch.float32)
    losses = torch.stack([head.loss(one, mixed_of(mixer, one)) for one in alone])
    torch.testing.assert_close(head.loss(together, mixed), (losses * sizes).sum() / sizes.sum())
    answers = [head.predict(one, mixed_of(mixer, one))[0] for one in alone]
    assert head.predict(together, mixed) == answers


def vectors_of(example: EdgeText, x: torch.Tensor) -> list[torch.Tensor]:
    """The vectors of the tokens of one text, of which (B, T, D) ``x`` has the sentences."""
    return [x[i, t] for i, tokens in enumerate(example.sentences) for t in range(len(tokens))]


@pytest.mark.parametrize("sides", [1, 2])
def test_the_linear_head_reads_the_means_of_the_spans(sides: int) -> None:
    examples = texts(6, sides)
    head, mixer = built("linear", examples)
    expected = []
    for example in examples:
        one = batch_of(PIPELINE, [example])
        tokens = vectors_of(example, mixed_of(mixer, one)["input"]["text"])
        for edge in example.edges:
            means = [sum(tokens[a : b + 1]) / (b - a + 1) for a, b in edge.spans]
            pair = [*means, means[0] * means[-1]] if sides == 2 else means
            expected.append(head.output.weight @ torch.cat(pair) + head.output.bias)
    batch = batch_of(PIPELINE, examples)
    torch.testing.assert_close(head.scores(batch, mixed_of(mixer, batch)), torch.stack(expected))


@pytest.mark.parametrize(("sides", "shared"), [(1, False), (2, False), (2, True)])
def test_the_published_head_against_its_formulas(sides: int, shared: bool) -> None:
    examples = texts(6, sides, several=True)
    head, mixer = built("paper", examples, shared=shared)
    head.eval()
    state = head.state_dict()
    expected, losses = [], []
    for example in examples:
        one = batch_of(PIPELINE, [example])
        tokens = vectors_of(example, mixed_of(mixer, one)["input"]["text"])
        for edge in example.edges:
            parts = []
            for side, (a, b) in enumerate(edge.spans):
                own = f"pooling.{0 if shared else side}"
                weight, bias = (state[f"{own}.projection.{kind}"] for kind in ("weight", "bias"))
                projected = [weight @ token + bias for token in tokens[a : b + 1]]
                logits = [
                    state[f"{own}.attention.weight"][0] @ p + state[f"{own}.attention.bias"][0]
                    for p in projected
                ]
                exponents = [logit.exp() for logit in logits]
                total = sum(exponents)
                parts.append(sum(e / total * p for e, p in zip(exponents, projected, strict=True)))
            hidden = state["classifier.0.weight"] @ torch.cat(parts) + state["classifier.0.bias"]
            hidden = hidden.tanh()
            centred = hidden - hidden.mean()
            normal = centred / (centred.pow(2).mean() + 1e-5).sqrt()
            normal = normal * state["classifier.2.weight"] + state["classifier.2.bias"]
            logits = state["classifier.4.weight"] @ normal + state["classifier.4.bias"]
            expected.append(logits)
            for label, logit in zip(head.codec.labels, logits, strict=True):
                share = 1 / (1 + (-logit).exp())
                losses.append(-(share if label in edge.labels else 1 - share).log())
    batch = batch_of(PIPELINE, examples)
    mixed = mixed_of(mixer, batch)
    torch.testing.assert_close(
        head.scores(batch, mixed), torch.stack(expected), atol=1e-5, rtol=1e-5
    )
    torch.testing.assert_close(head.loss(batch, mixed), torch.stack(losses).mean())


def test_pooling_against_loops() -> None:
    draw = random.Random(3)
    tokens = torch.randn(30, 5, dtype=torch.float64)
    spans = [(a, a + draw.randrange(4)) for a in (draw.randrange(26) for _ in range(20))]
    first, last = (torch.tensor(side) for side in zip(*spans, strict=True))
    means = torch.stack([tokens[a : b + 1].mean(dim=0) for a, b in spans])
    largest = torch.stack([tokens[a : b + 1].max(dim=0).values for a, b in spans])
    torch.testing.assert_close(span_means(tokens, first, last), means)
    assert torch.equal(span_maxima(tokens, first, last), largest)
    # Spans of one token are read without a sum.
    assert torch.equal(span_means(tokens, first, first), tokens[first])


def test_decisions_and_threshold() -> None:
    examples = texts(6)
    head, mixer = built("linear", examples)
    batch = batch_of(PIPELINE, examples)
    mixed = mixed_of(mixer, batch)
    scores = head.scores(batch, mixed)
    gold = [edge.labels[0] for example in examples for edge in example.edges]
    numbers = torch.tensor([head.codec.labels.index(label) for label in gold])
    torch.testing.assert_close(head.loss(batch, mixed), F.cross_entropy(scores, numbers))
    flat = [labels for text in head.predict(batch, mixed) for labels in text]
    assert flat == [[head.codec.labels[i]] for i in scores.argmax(dim=1)]
    for threshold in (0.3, 0.5, 0.7):
        other, _ = built("linear", examples, decision="several", threshold=threshold)
        other.load_state_dict(head.state_dict())
        flat = [labels for text in other.predict(batch, mixed) for labels in text]
        assert flat == [
            [label for label, p in zip(head.codec.labels, row, strict=True) if p >= threshold]
            for row in scores.sigmoid().tolist()
        ]


def test_a_sentence_is_one_row_however_many_edges_it_has() -> None:
    examples = texts(5)
    example = examples[1]
    many = replace(example, edges=example.edges * 25)
    batch = batch_of(PIPELINE, [many])
    assert len(batch.slots["text"].tokens) == len(example.sentences)
    head, mixer = built("linear", examples)
    scores = head.scores(batch, mixed_of(mixer, batch))
    one = batch_of(PIPELINE, [example])
    own = head.scores(one, mixed_of(mixer, one))
    assert len(own) == len(example.edges) > 1
    torch.testing.assert_close(scores, own.repeat(25, 1))


def test_errors_name_the_example() -> None:
    examples = texts(5)
    head, mixer = built("linear", examples)
    (edge,) = examples[0].edges[:1]

    def loss_of(*edges: Edge) -> None:
        batch: Batch[EdgeText] = batch_of(PIPELINE, [replace(examples[0], edges=edges)])
        assert isinstance(batch.slots["text"], SlotBatch)
        head.loss(batch, mixed_of(mixer, batch))

    for wrong, message in (
        (replace(edge, labels=("odd",)), r"t0.*'odd' is not among"),
        (replace(edge, labels=("00", "01")), r"t0.*2 labels, and the head gives one"),
        (replace(edge, spans=edge.spans[:1]), r"t0.*1 spans, those of the training set 2"),
    ):
        with pytest.raises(DataError, match=message):
            loss_of(wrong)
