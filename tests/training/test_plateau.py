"""The learning rate decreases when dev stops improving."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from elmobench.tasks.head import Batch, TrainingOptions
from elmobench.training import model_run, trainer
from elmobench.training.streams import RandomStreams


class Model(torch.nn.Linear):
    head = None

    def layer_weights(self) -> dict:
        return {}

    def loss(self, batch) -> torch.Tensor:
        return self.weight.sum()

    def predict(self, batch) -> list[int]:
        return [0 for _ in batch.examples]


class Examples:
    """Two examples, which make one batch."""

    examples = (0, 1)
    lengths = np.array([1, 2])

    def __len__(self) -> int:
        return 2


TRAIN = Examples()


def rates(monkeypatch, dev: list[float], **options) -> list[float]:
    """The learning rate in each epoch whose dev scores are ``dev``."""
    by_epoch: list[float] = []
    scores = iter(dev)
    optimizers = []
    make = model_run.make_optimizer
    monkeypatch.setattr(
        model_run, "make_optimizer", lambda *given: optimizers.append(make(*given)) or optimizers[0]
    )

    def batch(data, indices):
        (optimizer,) = optimizers
        if data is TRAIN:
            by_epoch.append(optimizer.param_groups[0]["lr"])
        return Batch([*indices], {})

    metric = SimpleNamespace(scorer=lambda gold: lambda predicted: next(scores))
    settings = TrainingOptions(lr=0.8, epochs=len(dev), patience=len(dev), batch_size=2, **options)
    collator, pipeline = SimpleNamespace(batch=batch), SimpleNamespace(gold=lambda example: 0)
    data = trainer.TrainingData(collator, TRAIN, Examples(), pipeline, metric)
    trainer.train_together([(Model(1, 1), settings)], data, RandomStreams(1))
    return by_epoch


def test_halved_after_each_epoch_that_is_not_strictly_better(monkeypatch) -> None:
    dev = [50.0, 60.0, 60.0, 55.0, 61.0, 60.9, 62.0]
    assert rates(monkeypatch, dev, plateau_factor=0.5) == pytest.approx(
        [0.8, 0.8, 0.8, 0.4, 0.2, 0.2, 0.1]
    )


def test_a_plateau_may_last_a_while(monkeypatch) -> None:
    """As torch's scheduler with the same patience, which AllenNLP's configurations use."""
    dev = [50.0, 49.0, 49.0, 49.0, 49.0, 51.0, 50.0, 50.0, 50.0, 50.0, 50.0, 50.0, 50.0]
    expected = []
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.8)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode="max", factor=0.5, patience=2
    )
    for score in dev:
        expected.append(optimizer.param_groups[0]["lr"])
        scheduler.step(score)
    assert expected[4:] == [0.4] * 5 + [0.2] * 3 + [0.1]
    assert rates(monkeypatch, dev, plateau_factor=0.5, plateau_patience=2) == expected


def test_constant_unless_asked_for(monkeypatch) -> None:
    assert rates(monkeypatch, [3.0, 2.0, 1.0]) == [0.8] * 3
    # A neutral default: cells that existed before the option keep their names.
    assert TrainingOptions().model_dump(exclude_defaults=True) == {}


def test_the_decay_counts_batches(monkeypatch) -> None:
    """One batch per epoch: the rate changes after three epochs."""
    made = rates(monkeypatch, [1.0, 2.0, 3.0, 4.0], decay=0.5, decay_steps=3)
    assert made == pytest.approx([0.8, 0.8, 0.8, 0.4])
    assert "decay" not in TrainingOptions().model_dump(exclude_defaults=True)


@pytest.mark.parametrize("factor", [0.0, 1.0, -0.5])
def test_the_factor_is_a_share(factor: float) -> None:
    with pytest.raises(ValidationError):
        TrainingOptions(plateau_factor=factor)
