"""Vectors that say nothing are found, without reading more batches than needed."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from elmobench.tasks.head import SlotBatch
from elmobench.training.vector_check import uninformative_parts

WORDS = [("a", "b", "c"), ("d",)]
MASK = torch.tensor([[True, True, True], [True, False, False]])


def slot(*parts: Tensor) -> SlotBatch:
    return SlotBatch(WORDS, MASK, list(parts), None)


def vectors(seed: int, layers: int = 2) -> Tensor:
    """(B, L, T, D) random vectors, zero at padding."""
    values = torch.randn(2, layers, 3, 4, generator=torch.Generator().manual_seed(seed))
    return values * MASK[:, None, :, None]


def test_parts_are_told_apart() -> None:
    zero = torch.zeros(2, 1, 3, 4)
    constant = torch.ones(2, 2, 3, 4) * MASK[:, None, :, None]
    found = uninformative_parts([slot(vectors(1), zero, constant)] * 2, ["fine", "static", "stuck"])
    assert [text.partition(":")[0] for text in found] == [
        "all vectors of static are zero in the training set",
        "all tokens of the training set have the same vector in stuck",
    ]
    # The vectors of a trainable part are learned.
    assert uninformative_parts([slot(zero)], [None]) == []


def test_one_layer_that_varies_is_enough_and_padding_does_not_count() -> None:
    layers = torch.ones(2, 2, 3, 4) * MASK[:, None, :, None]
    layers[0, 1, 2, 3] = 7.0
    assert uninformative_parts([slot(layers)], ["a"]) == []
    padded = torch.ones(2, 1, 3, 4)
    padded[1, :, 1:] = 9.0
    assert len(uninformative_parts([slot(padded)], ["a"])) == 1


def test_it_stops_at_the_first_batch_in_which_all_parts_vary() -> None:
    def batches() -> Iterator[SlotBatch]:
        yield slot(torch.ones(2, 1, 3, 4))
        yield slot(vectors(1, layers=1))
        raise AssertionError("one batch too many")

    assert uninformative_parts(batches(), ["a"]) == []


def test_a_training_set_of_one_word_has_one_vector() -> None:
    same = SlotBatch([("a", "a")], torch.ones(1, 2, dtype=torch.bool), [torch.ones(1, 1, 2, 4)])
    assert uninformative_parts([same], ["a"]) == []
