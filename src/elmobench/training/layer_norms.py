"""Mean norms of the layers that a mix weighs: a weight means more for a layer of long vectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import torch
from torch.nn import functional as F

from elmobench.tasks.head import SlotBatch

TOKENS: Final = 20_000
"""Number of tokens of train after which no further batch is read."""


def mean_norms(
    slots: Iterable[SlotBatch],
    layers: Mapping[int, Sequence[int]],
    normed: Mapping[int, bool],
    tokens: int = TOKENS,
) -> dict[int, list[float]]:
    """The mean Euclidean norm of the vectors in each layer of some parts, as their mix reads them.

    Args:
        slots: vectors of the training set, in batches.
        layers: index of a part -> the numbers of the layers that its vectors hold.
        normed: index of a part -> whether its mix scales each vector first (``norm: token``).
        tokens: batches are read until there are so many tokens.

    Returns:
        Index of a part -> one mean per layer up to the highest one read; 0 for layers not read.
    """
    sums = {i: torch.zeros(len(numbers), dtype=torch.float64) for i, numbers in layers.items()}
    count = 0
    for slot in slots:
        for i in layers:
            # (B, L, T, D) to (B, T, L, D), and of those the tokens that are no padding.
            vectors = slot.parts[i].transpose(1, 2)[slot.mask]
            if normed[i]:
                vectors = F.layer_norm(vectors.float(), vectors.shape[-1:])
            sums[i] += vectors.double().norm(dim=-1).sum(dim=0).cpu()
        count += int(slot.mask.sum())
        if count >= tokens:
            break
    found = {}
    for i, numbers in layers.items():
        means = [0.0] * (1 + max(numbers))
        for layer, total in zip(numbers, sums[i].tolist(), strict=True):
            means[layer] = total / max(1, count)
        found[i] = means
    return found
