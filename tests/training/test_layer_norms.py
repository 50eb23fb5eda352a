"""Mean norms of layers against a loop over tokens."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from elmobench.tasks.head import SlotBatch
from elmobench.training.layer_norms import mean_norms


def batches(count: int) -> list[SlotBatch]:
    generator = torch.Generator().manual_seed(4)
    made = []
    for _ in range(count):
        mask = torch.arange(6)[None, :] < torch.tensor([6, 2, 0])[:, None]
        parts = [torch.randn(3, layers, 6, 5, generator=generator) for layers in (1, 3)]
        made.append(SlotBatch([("w",) * 6, ("w",) * 2, ()], mask, parts))
    return made


@pytest.mark.parametrize("normed", [False, True])
def test_means_are_over_real_tokens(normed: bool) -> None:
    slots = batches(3)
    expected = np.zeros(4)
    for slot in slots:
        for row, length in enumerate((6, 2, 0)):
            for t in range(length):
                # The part holds layers 0, 1 and 3 of its model.
                for place, layer in enumerate((0, 1, 3)):
                    v = slot.parts[1][row, place, t].double().numpy()
                    if normed:
                        v = (v - v.mean()) / np.sqrt(v.var() + 1e-5)
                    expected[layer] += np.sqrt((v**2).sum()) / 24
    found = mean_norms(slots, {1: (0, 1, 3)}, {1: normed})
    assert list(found) == [1]
    assert found[1] == pytest.approx(list(expected), rel=1e-5)
    assert found[1][2] == 0


def test_enough_tokens_are_enough() -> None:
    slots = batches(3)
    assert mean_norms(slots, {0: (0,)}, {0: False}, tokens=9) == mean_norms(
        slots[:2], {0: (0,)}, {0: False}
    )
