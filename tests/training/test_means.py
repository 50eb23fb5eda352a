"""Heads that read means of texts are trained on means that are computed once, and give the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from elmobench.bench.context import RunContext
from elmobench.bench.experiment.schema import parse_experiment
from elmobench.bench.plan import make_plan
from elmobench.bench.train_cell import CellData, build_model, prepare_data
from elmobench.tasks.registries import HEADS
from elmobench.training.batching import ExampleSet
from elmobench.training.model import BenchModel
from elmobench.training.part_sources import MeanPart

READ_MEANS = sorted(
    name
    for name in HEADS.names()
    if HEADS.get(name).head.reads_means and name.partition("/")[2] != "majority"
)


class Vectors:
    """Vectors in memory, which count how often they are read."""

    def __init__(self, lengths: NDArray[np.int64]) -> None:
        generator = np.random.default_rng(0)
        shapes = [(2, length, 5) for length in lengths]
        self.vectors = [generator.normal(size=shape).astype(np.float32) for shape in shapes]
        self.read = 0

    def gather(self, rows: NDArray[np.int64], layers: Any) -> NDArray[np.float32]:
        self.read += len(rows)
        longest = max(self.vectors[row].shape[1] for row in rows)
        out = np.zeros((len(rows), 2, longest, 5), dtype=np.float32)
        for b, row in enumerate(rows):
            out[b, :, : self.vectors[row].shape[1]] = self.vectors[row]
        return out


@pytest.mark.parametrize("max_bytes", [10_000, 0])
def test_means_are_those_of_the_tokens_whatever_the_batch(max_bytes: int) -> None:
    lengths = np.array([3, 0, 7, 1, 90, 4])
    source = Vectors(lengths)
    part = MeanPart(source, lengths, max_bytes)
    rows = np.array([4, 1, 3, 3, 0])
    found = part.gather(rows, None)
    assert found.shape == (5, 2, 1, 5)
    for mean, row in zip(found, rows, strict=True):
        vectors = source.vectors[row].astype(np.float64)
        expected = vectors.mean(axis=1) if lengths[row] else np.zeros((2, 5))
        np.testing.assert_allclose(mean[:, 0], expected, rtol=1e-6, atol=1e-7)
    for mean, row in zip(found, rows, strict=True):
        alone = MeanPart(source, lengths).gather(np.array([row]), None)
        np.testing.assert_array_equal(alone[0], mean)
    before = source.read
    np.testing.assert_array_equal(part.gather(rows[::-1], None), found[::-1])
    assert (source.read == before) == (max_bytes > 0)


def prepared(
    name: str, features: str, folder: Path, **changes: Any
) -> tuple[CellData, BenchModel, ExampleSet[Any]]:
    """The data of a small cell, its model with other weights than the first, and its examples."""
    pipeline, _, head = name.partition("/")
    experiment = {
        **{"name": "means", "tasks": [f"{pipeline}/control-{pipeline}"], "features": [features]},
        **{"heads": [head], "seeds": [1], "limit": 6, **changes},
    }
    context = RunContext(parse_experiment(experiment), None, folder)
    (planned,) = make_plan(context)
    cell = planned.cell
    for part in cell.parts:
        context.store.build(context.provider(part), context.sentences(cell))
    data = prepare_data(cell, context)
    model = build_model(cell, context, data).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.3)
    return data, model, data.sets["train"]


def losses_and_gradients(data: CellData, model: BenchModel, means: bool) -> list[Tensor]:
    collator = data.collator if means else data.tokens
    train = data.sets["train"]
    batch = collator.batch(train, range(len(train)))
    assert all((slot.mask.shape[1] == 1) == means for slot in batch.slots.values())
    loss = model.loss(batch)
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    return [loss, *gradients]


@pytest.mark.parametrize("name", READ_MEANS)
@pytest.mark.parametrize("mix", ["learned", "concat"])
def test_losses_and_gradients_are_those_of_the_tokens(name: str, mix: str, tmp_path: Path) -> None:
    features = f"random+elmo-random@mix={mix}"
    data, model, _ = prepared(name, features, tmp_path)
    found = losses_and_gradients(data, model, means=True)
    expected = losses_and_gradients(data, model, means=False)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize(
    ("features", "changes"),
    [
        ("elmo-random@norm=token", {}),
        ("elmo-random@dropout=0.1", {}),
        ("elmo-random", {"axes": {"mix_dropout": [0.1]}}),
        ("glove-mini(trainable)", {}),
    ],
)
def test_mixes_that_are_not_linear_read_tokens(
    features: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    data, _, train = prepared("sentiment/linear", features, tmp_path, **changes)
    assert data.collator is data.tokens
    assert data.collator.batch(train, [0, 1]).slots["text"].mask.shape[1] > 1


def test_the_scale_is_that_of_tokens(tmp_path: Path) -> None:
    """Deviations are over tokens, not over means of texts, which vary less."""
    data, model, train = prepared("sentiment/linear", "random", tmp_path)
    slot = data.tokens.batch(train, range(len(train))).slots["text"]
    tokens = slot.parts[0][:, 0][slot.mask].double()
    (std,) = (value for name, value in model.state_dict().items() if name.endswith(".std"))
    torch.testing.assert_close(std.double(), tokens.std(dim=0, correction=0), rtol=1e-5, atol=0)
