"""Training until the loss on dev no longer falls, against the optimum that scikit-learn finds."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn import functional as F

from elmobench.tasks.head import TrainingOptions
from elmobench.training import convergence
from elmobench.training.convergence import train_to_convergence
from elmobench.training.streams import RandomStreams

X = np.random.default_rng(5).normal(size=(60, 3)).astype(np.float32)
Y = (X[:, 0] + 0.5 * np.random.default_rng(6).normal(size=60) > 0).astype(np.int64)


class Classifier(torch.nn.Linear):
    """A linear classifier of rows of X; it counts its steps."""

    steps = 0

    def loss(self, batch: list[int]) -> torch.Tensor:
        self.steps += self.training
        return F.cross_entropy(self(torch.from_numpy(X[batch])), torch.from_numpy(Y[batch]))


class Rows:
    """The first rows of X."""

    def __init__(self, count: int) -> None:
        self.lengths = np.ones(count, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.lengths)


COLLATOR = SimpleNamespace(batch=lambda data, indices: list(indices))


def trained(rate: float, count: int = 60) -> tuple[Classifier, list[float]]:
    """A model, and its losses on all rows whenever it was asked for one."""
    torch.manual_seed(0)
    model = Classifier(3, 2)
    losses: list[float] = []

    def dev_loss(model: Classifier) -> float:
        assert not model.training
        with torch.no_grad():
            losses.append(model.loss(range(60)).item())
        return losses[-1]

    options = TrainingOptions(lr=rate, batch_size=16, clip_norm=None)
    train_to_convergence(model, options, COLLATOR, Rows(count), dev_loss, RandomStreams(1))
    with torch.no_grad():
        assert model.loss(range(60)).item() == np.nanmin(losses)
    return model, losses


def test_the_loss_is_that_of_the_best_linear_classifier() -> None:
    best = LogisticRegression(C=1e9).fit(X, Y).predict_proba(X)
    optimum = -np.log(best[np.arange(60), Y]).mean()
    _, losses = trained(0.1)
    assert optimum - 1e-6 < min(losses) < 1.02 * optimum


def test_a_rate_that_only_does_harm_leaves_the_model_as_it_was() -> None:
    model, losses = trained(1e4)
    assert min(losses) == losses[0]
    torch.manual_seed(0)
    assert torch.equal(model.weight, Classifier(3, 2).weight)
    # One look before training, and one after the round of each rate.
    assert len(losses) == 1 + 1 + convergence.RATE_CUTS


def test_a_loss_that_is_not_finite_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = iter(range(10_000))
    plain = Classifier.loss

    def spoiled(model: Classifier, batch: list[int]) -> torch.Tensor:
        loss = plain(model, batch)
        return loss * math.nan if model.training and next(steps) == 5 else loss

    monkeypatch.setattr(Classifier, "loss", spoiled)
    _, losses = trained(0.1)
    assert math.isnan(losses[1])
    assert math.isfinite(min(losses[2:]))
    assert min(losses[2:]) < losses[0]


@pytest.mark.parametrize(("count", "steps"), [(1, 10), (33, 12), (60, 12)])
def test_a_round_has_whole_passes_and_at_least_ten_steps(count: int, steps: int) -> None:
    model, losses = trained(0.01, count)
    assert model.steps == steps * (len(losses) - 1)


def test_it_ends_although_every_round_gains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convergence, "MOST_ROUNDS", 3)
    assert len(trained(1e-3)[1]) == 1 + 3
