"""Batches hold every example once and are of similar lengths; subsets are nested."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from elmobench.tasks.head import Batch, SlotBatch
from elmobench.training.batching import (
    DevBatches,
    bounded_runs,
    bucketed_batches,
    evaluation_batches,
    nested_subset,
)

lengths = st.lists(st.integers(0, 50), min_size=1, max_size=200).map(np.array)


@given(lengths, st.integers(1, 40))
def test_every_example_is_used_once_an_epoch(values: np.ndarray, size: int) -> None:
    batches = bucketed_batches(values, size, np.random.default_rng(0))
    assert sorted(i for batch in batches for i in batch) == list(range(len(values)))
    assert all(1 <= len(batch) <= size for batch in batches)
    flat = [i for batch in evaluation_batches(values, size) for i in batch]
    assert sorted(flat) == list(range(len(values)))


def test_batches_hold_similar_lengths() -> None:
    values = np.random.default_rng(0).integers(1, 60, size=2000)
    batches = bucketed_batches(values, 20, np.random.default_rng(1))
    padded = sum(len(b) * values[b].max() for b in batches)
    shuffled = np.random.default_rng(2).permutation(2000).reshape(-1, 20)
    unsorted = sum(len(b) * values[b].max() for b in shuffled)
    assert padded < 1.15 * values.sum() < unsorted


def test_the_order_changes_with_the_generator_and_from_epoch_to_epoch() -> None:
    values = np.arange(100) % 7
    rng = np.random.default_rng(0)
    first, second = bucketed_batches(values, 8, rng), bucketed_batches(values, 8, rng)
    assert first != second
    assert first == bucketed_batches(values, 8, np.random.default_rng(0))


@given(st.integers(1, 300), st.floats(0.01, 1.0), st.floats(0.01, 1.0))
def test_subsets_are_nested(count: int, a: float, b: float) -> None:
    small, large = sorted((a, b))
    inner = nested_subset(count, small, np.random.default_rng(7))
    outer = nested_subset(count, large, np.random.default_rng(7))
    assert set(inner) <= set(outer)
    assert len(outer) == max(1, round(count * large))
    assert outer == sorted(set(outer))


def test_a_whole_subset_is_everything() -> None:
    assert nested_subset(10, 1.0, np.random.default_rng(0)) == list(range(10))


@pytest.mark.parametrize("fraction", [0.0001, 0.01])
def test_at_least_one_example_is_kept(fraction: float) -> None:
    assert len(nested_subset(10, fraction, np.random.default_rng(0))) == 1


def test_runs_are_bounded_by_the_sentences_of_their_largest_slot() -> None:
    units = [{"a": [0] * n, "b": [0]} for n in (3, 3, 9, 1, 1, 2, 8)]
    assert [list(run) for run in bounded_runs(units, 6)] == [[0, 1], [2], [3, 4, 5], [6]]
    single = [{"text": [i]} for i in range(150)]
    assert [len(run) for run in bounded_runs(single, 64)] == [64, 64, 22]
    assert list(bounded_runs([], 5)) == []


def test_small_dev_batches_are_read_once() -> None:
    read: list[list[int]] = []

    def batch(data: object, indices: list[int]) -> Batch:
        read.append(indices)
        part = torch.zeros(len(indices), 1, max(indices) + 1, 2)
        return Batch([*indices], {"text": SlotBatch([], part[:, 0, :, 0] == 0, [part])})

    data = SimpleNamespace(lengths=np.arange(1, 8))
    # 2 * 8 bytes for each of 4 tokens, then of 8: the third batch does not fit.
    dev = DevBatches(SimpleNamespace(batch=batch), data, 2, room=16 * 12 + 10)
    passes = [[(indices, batch.examples) for indices, batch in dev] for _ in range(3)]
    assert passes[0] == [([0, 1],) * 2, ([2, 3],) * 2, ([4, 5],) * 2, ([6],) * 2]
    assert passes[0] == passes[1] == passes[2]
    assert read == [[0, 1], [2, 3], *3 * [[4, 5], [6]]]
