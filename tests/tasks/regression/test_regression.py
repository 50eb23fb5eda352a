"""Regression on texts and pairs: codec, heads and the examples that a user writes."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from typing import Any

import pair_problems
import pytest
import tiny_problems
import torch
from tiny_problems import DIM, LAYERS, WORDS, batch_of

from elmobench.core.errors import DataError
from elmobench.data.examples import RatedPair, RatedText
from elmobench.metrics.base import get_metric
from elmobench.nn.feature_mixer import FeatureMixer, PartConfig
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.registries import get_head
from elmobench.tasks.regression.pipeline import PAIR_PIPELINE, TEXT_PIPELINE

CASES = [
    (TEXT_PIPELINE, "linear", 60, 0.1),
    (TEXT_PIPELINE, "mlp", 60, 1e-2),
    (TEXT_PIPELINE, "small", 25, 5e-3),
    (PAIR_PIPELINE, "linear", 60, 0.1),
    (PAIR_PIPELINE, "mlp", 60, 1e-2),
    (PAIR_PIPELINE, "small", 25, 5e-3),
]
UNIT, SHIFT = 250.0, 1000.0


def examples_of(pipeline: Any, n: int = 50) -> list[Any]:
    """Texts with the mean worth of their words; pairs with the share of words that both have."""
    draw = random.Random(4)
    worth = {word: draw.gauss(0, 1) for word in WORDS}
    made: list[Any] = []
    for i in range(n):
        first = tuple(draw.choice(WORDS) for _ in range(draw.randint(2, 6)))
        if pipeline is TEXT_PIPELINE:
            mean = sum(worth[word] for word in first) / len(first)
            made.append(RatedText(f"t{i}", first, SHIFT + UNIT * mean))
        else:
            kept = draw.randint(0, len(first))
            second = (*first[:kept], *(draw.choice(WORDS) for _ in range(len(first) - kept)))
            made.append(RatedPair(f"p{i}", first, second, SHIFT + UNIT * kept / len(first)))
    return made


def build(pipeline: Any, preset: str, examples: list[Any]) -> tuple[Any, FeatureMixer]:
    torch.manual_seed(7)
    chosen = get_head(pipeline.name, preset)
    mixer = FeatureMixer([PartConfig("p", LAYERS, DIM)], chosen.mix.standardize)
    head = chosen.head({"input": mixer.out_dim}, pipeline.codec(examples, None), chosen.options)
    if chosen.mix.standardize:
        mixer.fit_standardizer(batch_of(pipeline, examples).slots.values())
    return head, mixer


def fit(pipeline: Any, head: Any, mixer: Any, examples: list[Any], epochs: int, lr: float) -> None:
    optimizer = torch.optim.Adam([*head.parameters(), *mixer.parameters()], lr=lr)
    batches = [batch_of(pipeline, examples[i : i + 10]) for i in range(0, len(examples), 10)]
    for _ in range(epochs):
        for batch in batches:
            optimizer.zero_grad()
            head.loss(batch, tiny_problems.mixed_of(mixer, batch)).backward()
            optimizer.step()
    head.eval()
    mixer.eval()


@pytest.mark.parametrize(
    ("pipeline", "preset", "epochs", "lr"), CASES, ids=[f"{p.name}-{h}" for p, h, *_ in CASES]
)
def test_a_head_learns_in_the_unit_of_the_numbers(
    pipeline: Any, preset: str, epochs: int, lr: float
) -> None:
    examples = examples_of(pipeline)
    head, mixer = build(pipeline, preset, examples)
    batch = batch_of(pipeline, examples)
    head.loss(batch, tiny_problems.mixed_of(mixer, batch)).backward()
    for name, parameter in [*head.named_parameters(), *mixer.named_parameters()]:
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    fit(pipeline, head, mixer, examples, epochs, lr)
    predicted = head.predict(batch, tiny_problems.mixed_of(mixer, batch))
    assert json.loads(json.dumps(predicted)) == predicted
    gold = [pipeline.gold(example) for example in examples]
    scores = get_metric("pearson").compute(gold, predicted)
    assert scores.score > 90
    # The errors are small in the numbers' own unit: less than half of the variance.
    variance = sum((value - sum(gold) / len(gold)) ** 2 for value in gold) / len(gold)
    assert scores.values["mse"] < variance / 2


@pytest.mark.parametrize(
    ("pipeline", "preset"),
    [case[:2] for case in CASES],
    ids=[f"{p.name}-{h}" for p, h, *_ in CASES],
)
def test_results_depend_neither_on_the_batch_nor_on_padding(pipeline: Any, preset: str) -> None:
    examples = examples_of(pipeline, 8)
    head, mixer = build(pipeline, preset, examples)
    head.eval()
    together = batch_of(pipeline, examples, spare=3)
    mixed = tiny_problems.mixed_of(mixer, together)
    dirty = {
        "input": {
            name: torch.where(together.slots[name].mask.unsqueeze(-1), x, 1e4)
            for name, x in mixed["input"].items()
        }
    }
    predicted = head.predict(together, mixed)
    assert head.predict(together, dirty) == pytest.approx(predicted, rel=1e-6)
    losses = []
    for example, expected in zip(examples, predicted, strict=True):
        alone = batch_of(pipeline, [example])
        mixed_alone = tiny_problems.mixed_of(mixer, alone)
        assert head.predict(alone, mixed_alone) == pytest.approx([expected], rel=1e-4)
        losses.append(head.loss(alone, mixed_alone))
    torch.testing.assert_close(head.loss(together, mixed), torch.stack(losses).mean())


def test_the_loss_is_the_squared_error_of_standardised_numbers() -> None:
    texts = examples_of(TEXT_PIPELINE, 3)
    examples = [replace(e, value=v) for e, v in zip(texts, (1.0, 2.0, 6.0), strict=True)]
    head, mixer = build(TEXT_PIPELINE, "linear", examples)
    assert head.codec == LabelCodec(labels=[], extra={"mean": 3.0, "spread": math.sqrt(14 / 3)})
    batch = batch_of(TEXT_PIPELINE, examples)
    mixed = tiny_problems.mixed_of(mixer, batch)
    predicted = head.predict(batch, mixed)
    errors = [(p - e.value) ** 2 / (14 / 3) for p, e in zip(predicted, examples, strict=True)]
    assert head.loss(batch, mixed).item() == pytest.approx(sum(errors) / 3, rel=1e-5)


@pytest.mark.parametrize("preset", ["linear", "mlp", "small"])
def test_the_order_of_a_pair_has_no_effect(preset: str) -> None:
    examples = examples_of(PAIR_PIPELINE, 6)
    head, mixer = build(PAIR_PIPELINE, preset, examples)
    head.eval()
    swapped = [replace(e, first=e.second, second=e.first) for e in examples]
    one, other = (batch_of(PAIR_PIPELINE, side) for side in (examples, swapped))
    assert head.predict(one, tiny_problems.mixed_of(mixer, one)) == pytest.approx(
        head.predict(other, tiny_problems.mixed_of(mixer, other))
    )


def test_linear_pair_features_are_distance_and_product() -> None:
    examples = examples_of(PAIR_PIPELINE, 1)
    head, mixer = build(PAIR_PIPELINE, "linear", [*examples, *examples_of(PAIR_PIPELINE, 5)[1:]])
    batch = batch_of(PAIR_PIPELINE, examples)
    mixed = tiny_problems.mixed_of(mixer, batch)
    u, v = (mixed["input"][name][0].mean(dim=0) for name in ("first", "second"))
    vector = torch.cat([(u - v).abs(), u * v])
    output = head.output.weight[0] @ vector + head.output.bias[0]
    mean, spread = head.codec.extra["mean"], head.codec.extra["spread"]
    assert head.predict(batch, mixed)[0] == pytest.approx(mean + spread * output.item(), rel=1e-5)


def test_a_head_that_diverges_predicts_the_mean() -> None:
    examples = examples_of(TEXT_PIPELINE, 4)
    head, mixer = build(TEXT_PIPELINE, "linear", examples)
    with torch.no_grad():
        head.output.bias.fill_(math.nan)
    batch = batch_of(TEXT_PIPELINE, examples)
    predicted = head.predict(batch, tiny_problems.mixed_of(mixer, batch))
    assert predicted == [head.codec.extra["mean"]] * 4
    assert get_metric("pearson").compute([e.value for e in examples], predicted).score == 0


def test_equal_numbers_and_parts_of_the_training_set() -> None:
    texts = examples_of(TEXT_PIPELINE, 4)
    equal = [replace(example, value=7.0) for example in texts]
    codec = TEXT_PIPELINE.codec(equal, [])
    assert codec.extra == {"mean": 7.0, "spread": 1.0}
    whole = TEXT_PIPELINE.codec(texts, None)
    part = TEXT_PIPELINE.codec_of_part(whole, texts[:2])
    assert part.extra["mean"] == pytest.approx((texts[0].value + texts[1].value) / 2)
    with pytest.raises(DataError, match="predicts numbers"):
        TEXT_PIPELINE.codec(texts, ["good", "bad"])
    with pytest.raises(DataError, match="no training example"):
        TEXT_PIPELINE.codec([], None)


@pytest.mark.parametrize("exponent", [-1070, -600, 0, 300])
def test_the_unit_of_the_numbers_has_no_effect(exponent: int) -> None:
    texts = examples_of(TEXT_PIPELINE, 4)
    values = [math.ldexp(value, exponent) for value in (1.0, 4.0, 9.0, 2.0)]
    examples = [replace(text, value=value) for text, value in zip(texts, values, strict=True)]
    extra = TEXT_PIPELINE.codec(examples, None).extra
    assert extra["mean"] == math.ldexp(4.0, exponent)
    assert extra["spread"] == pytest.approx(
        math.ldexp(math.sqrt(38 / 4), exponent), rel=1e-15, abs=5e-324
    )


def test_what_users_write_and_read() -> None:
    pair = PAIR_PIPELINE.from_text("A man sleeps. ||| He's awake.")
    assert pair.first == ("A", "man", "sleeps", ".")
    assert pair.second[-1] == "."
    assert PAIR_PIPELINE.from_tokens(("a", "|||", "b")).second == ("b",)
    assert TEXT_PIPELINE.from_text("a b").tokens == ("a", "b")
    with pytest.raises(DataError, match="first text"):
        PAIR_PIPELINE.from_text("only one")
    assert PAIR_PIPELINE.format_annotation(3.14159265) == "3.14159"
    assert "3 throughout" in (TEXT_PIPELINE.note_on([1.0, 2.0], [3.0, 3.0]) or "")
    assert TEXT_PIPELINE.note_on([2.0, 2.0], [3.0, 3.0]) is None
    assert TEXT_PIPELINE.note_on([1.0, 2.0], [3.0, 3.5]) is None


def test_pairs_of_nli_are_not_rated() -> None:
    with pytest.raises(AttributeError):
        PAIR_PIPELINE.gold(pair_problems.pairs(1)[0])  # type: ignore[arg-type]
