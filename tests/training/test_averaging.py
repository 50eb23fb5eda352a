"""The moving average of weights, against its formula and in the training loop."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from elmobench.metrics.base import Metric, Scores
from elmobench.tasks.head import Batch, TrainingOptions
from elmobench.training.averaging import WeightAverage
from elmobench.training.streams import RandomStreams
from elmobench.training.trainer import TrainingData, train_together


def test_the_average_is_the_weighted_sum_of_all_steps() -> None:
    model = nn.Linear(2, 1)
    frozen = model.bias.requires_grad_(False).clone()
    average = WeightAverage(model, 0.9)
    steps = [model.weight.detach().clone()]
    for i in range(5):
        with torch.no_grad():
            model.weight.copy_(torch.tensor([[float(i), -2.0 * i]]))
        steps.append(model.weight.detach().clone())
        average.update()
    expected = 0.9**5 * steps[0] + sum(0.1 * 0.9 ** (5 - k) * steps[k] for k in range(1, 6))
    with average.in_place():
        torch.testing.assert_close(model.weight.detach(), expected)
        assert torch.equal(model.bias, frozen)
    assert torch.equal(model.weight, steps[-1])
    with pytest.raises(RuntimeError, match="in the block"), average.in_place():
        raise RuntimeError("in the block")
    assert torch.equal(model.weight, steps[-1])


class OneWeight(nn.Module):
    """A model whose loss pulls its only weight to 3; it keeps the weight of every call."""

    head = None

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.trained: list[float] = []
        self.scored: list[float] = []

    def loss(self, batch: object) -> torch.Tensor:
        self.trained.append(self.weight.item())
        return (self.weight - 3) ** 2

    def predict(self, batch: Batch[int]) -> list[float]:
        self.scored.append(self.weight.item())
        return [self.weight.item()] * len(batch.examples)

    def layer_weights(self) -> dict:
        return {"weight": self.weight.item()}


class Closeness(Metric):
    name, version, primary = "closeness", 1, "score"

    def compute(self, gold, predicted) -> Scores:
        return Scores("score", {"score": -abs(3 - predicted[0])})


def run(average: float | None):
    model = OneWeight()
    data = SimpleNamespace(examples=[0] * 8, lengths=np.ones(8, dtype=np.int64))
    data = type("Data", (), {"__len__": lambda self: 8, **vars(data)})()
    collator = SimpleNamespace(batch=lambda data, indices: Batch([*indices], {}))
    options = TrainingOptions(lr=0.1, batch_size=2, epochs=3, clip_norm=None, average=average)
    pipeline = SimpleNamespace(gold=lambda example: 3.0)
    sets = TrainingData(collator, data, data, pipeline, Closeness())
    (result,) = train_together([(model, options)], sets, RandomStreams(1))
    return model, result


def test_dev_is_scored_with_the_average_which_is_kept() -> None:
    plain, _ = run(None)
    model, result = run(0.8)
    # The average never reaches the steps themselves.
    assert model.trained == plain.trained
    steps = [*plain.trained[1:], plain.weight.item()]
    value, averages = 0.0, []
    for i, step in enumerate(steps, start=1):
        value = 0.8 * value + 0.2 * step
        if i % 4 == 0:
            averages.append(value)
    assert [epoch.layer_weights["weight"] for epoch in result.epochs] == pytest.approx(averages)
    assert [epoch.dev for epoch in result.epochs] == pytest.approx([a - 3 for a in averages])
    assert result.best.number == 3
    assert model.weight.item() == pytest.approx(averages[-1])


def test_a_run_without_average_does_not_change_the_cells_identity() -> None:
    assert "average" not in TrainingOptions().model_dump(exclude_defaults=True)
