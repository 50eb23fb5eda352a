"""Spans of tokens: attention inside each, layers on concatenations, buckets of distances."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from elmobench.nn.pooling import masked_softmax

DISTANCES = (1, 2, 3, 4, 5, 8, 16, 32, 64, 128, 256, 512)
"""Lower ends of the buckets after the first, which holds 0."""


def distance_buckets(distance: Tensor) -> Tensor:
    """Bucket of each distance (integers from 0): single ones below 5, then doubling widths."""
    return torch.bucketize(distance, torch.tensor(DISTANCES, device=distance.device), right=True)


def attend_spans(scores: Tensor, values: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """Mean of each span's values, weighted by softmax of its scores (Lee et al. 2017, eq. 4-6).

    Args:
        scores: (N,) of the tokens.
        values: (N, D).
        first, last: (S,) tokens, inclusive.

    Returns:
        (S, D). Costs S times the widest span.
    """
    if not len(first):
        return values.new_zeros(0, values.shape[1])
    width = int((last - first).max()) + 1
    places = first.unsqueeze(1) + torch.arange(width, device=first.device)
    inside = places <= last.unsqueeze(1)
    places = places.clamp(max=len(values) - 1)
    weights = masked_softmax(scores[places], inside)
    return (weights.unsqueeze(1) @ values[places]).squeeze(1)


def attend_prefixes(scores: Tensor, values: Tensor, width: int) -> Tensor:
    """:func:`attend_spans` of all spans of up to ``width`` tokens at once.

    Returns:
        (N, width, D): row n, column w is the span of w + 1 tokens that starts at n. Where that
        reaches beyond the last token, the tokens that there are count.
    """
    count = len(values)
    steps = torch.arange(width, device=values.device)
    places = torch.arange(count, device=values.device).unsqueeze(1) + steps
    real = places < count
    places = places.clamp(max=count - 1)
    inside = (steps.unsqueeze(0) <= steps.unsqueeze(1)) & real.unsqueeze(1)
    weights = masked_softmax(scores[places].unsqueeze(1), inside)  # (N, width, width)
    return weights @ values[places]


class BlockFeedForward(nn.Module):
    """A feed-forward scorer of a concatenation, which is never built.

    The first layer is linear in its blocks, so a block that few tokens or spans share is
    projected once and then looked up: ``project`` gives a block's part of the first layer's
    pre-activation, ``finish`` takes the sum of all parts on to one score.

    Args:
        blocks: widths of the concatenated vectors.
        hidden: units of each hidden layer.
        depth: number of hidden layers, ReLU after each.
        dropout: after each hidden layer.
    """

    def __init__(self, blocks: Sequence[int], hidden: int, depth: int, dropout: float) -> None:
        super().__init__()
        self.blocks = tuple(blocks)
        self.first = nn.Linear(sum(blocks), hidden)
        layers: list[nn.Module] = [nn.ReLU(), nn.Dropout(dropout)]
        for _ in range(depth - 1):
            layers += [nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(dropout)]
        self.rest = nn.Sequential(*layers, nn.Linear(hidden, 1))

    def project(self, block: int, x: Tensor) -> Tensor:
        """(…, blocks[block]) to (…, hidden)."""
        start = sum(self.blocks[:block])
        return x @ self.first.weight[:, start : start + self.blocks[block]].T

    def finish(self, total: Tensor) -> Tensor:
        """(…, hidden), the sum of all projections, to (…) scores."""
        out: Tensor = self.rest(total + self.first.bias)
        return out.squeeze(-1)

    def forward(self, x: Tensor) -> Tensor:
        """(…, sum of blocks) to (…): the same of vectors that are concatenated already."""
        out: Tensor = self.rest(self.first(x))
        return out.squeeze(-1)
