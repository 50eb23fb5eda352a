"""Spans of tokens: attention within spans, scorers of concatenated vectors, distance buckets."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from elmobench.nn.pooling import masked_softmax

DISTANCES = (1, 2, 3, 4, 5, 8, 16, 32, 64, 128, 256, 512)
"""Lower bounds of the buckets after the first, which contains 0."""
PUBLISHED_DISTANCES = DISTANCES[:9]
"""Those of e2e-coref, whose last bucket is 64 and more."""


def distance_buckets(distance: Tensor, bounds: Sequence[int] = DISTANCES) -> Tensor:
    """The bucket of each distance, of the same shape; distances are integers from 0.

    Distances below 5 have their own buckets; then the widths double.
    """
    return torch.bucketize(distance, torch.tensor(bounds, device=distance.device), right=True)


def rows_of(x: Tensor, index: Tensor) -> Tensor:
    """(…, D) rows of (N, D) ``x``, by their (…) numbers: ``x[index]`` with a faster gradient."""
    return nn.functional.embedding(index, x)


def attend_spans(scores: Tensor, values: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """Mean of the values in each span, weighted by the softmax of the scores.

    Time and memory grow with S times the widest span.

    Source: Lee et al., "End-to-end Neural Coreference Resolution" (2017), equations 4 to 6.

    Args:
        scores: (N,) scores of the tokens.
        values: (N, D) vectors of the tokens.
        first: (S,) first token of each span.
        last: (S,) last token of each span, inclusive.

    Returns:
        (S, D).
    """
    if not len(first):
        return values.new_zeros(0, values.shape[1])
    width = int((last - first).max()) + 1
    tokens = first.unsqueeze(1) + torch.arange(width, device=first.device)
    inside = tokens <= last.unsqueeze(1)
    tokens = tokens.clamp(max=len(values) - 1)
    weights = masked_softmax(scores[tokens], inside)
    return (weights.unsqueeze(1) @ values[tokens]).squeeze(1)


def attend_prefixes(scores: Tensor, values: Tensor, width: int) -> Tensor:
    """:func:`attend_spans` for all spans of up to ``width`` tokens.

    Args:
        scores: (N,) scores of the tokens.
        values: (N, D) vectors of the tokens.
        width: largest number of tokens in a span.

    Returns:
        (N, width, D): [n, w] is the span of w + 1 tokens that starts at token n, cut off after the
        last token.
    """
    count = len(values)
    steps = torch.arange(width, device=values.device)
    tokens = torch.arange(count, device=values.device).unsqueeze(1) + steps
    real = tokens < count
    tokens = tokens.clamp(max=count - 1)
    inside = (steps.unsqueeze(0) <= steps.unsqueeze(1)) & real.unsqueeze(1)
    weights = masked_softmax(scores[tokens].unsqueeze(1), inside)  # (N, width, width)
    return weights @ values[tokens]


class BlockFeedForward(nn.Module):
    """A feed-forward scorer of concatenated vectors that need not be concatenated.

    The first layer is linear, so each of the vectors (blocks) can be projected separately. A
    vector that is part of many inputs is projected once: ``project`` computes the contribution of
    one block to the first layer, ``finish`` computes the score from the sum of all contributions.

    Args:
        blocks: widths of the concatenated vectors.
        hidden: units per hidden layer.
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
        """(…, blocks[block]) vectors to their (…, hidden) contribution to the first layer."""
        start = sum(self.blocks[:block])
        return x @ self.first.weight[:, start : start + self.blocks[block]].T

    def finish(self, total: Tensor) -> Tensor:
        """(…) scores from (…, hidden) sums of the contributions of all blocks."""
        out: Tensor = self.rest(total + self.first.bias)
        return out.squeeze(-1)

    def forward(self, x: Tensor) -> Tensor:
        """(…) scores of (…, sum(blocks)) vectors that are already concatenated."""
        out: Tensor = self.rest(self.first(x))
        return out.squeeze(-1)
