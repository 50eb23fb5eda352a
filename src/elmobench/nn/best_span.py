"""The best span of a sequence, given scores of first and last tokens."""

from __future__ import annotations

import torch
from torch import Tensor


def best_spans(start: Tensor, end: Tensor, mask: Tensor, limit: int | None) -> Tensor:
    """Find the span of each row with the largest ``start[i] + end[j]``.

    Spans have ``i <= j < i + limit`` (``i <= j`` without a limit) and consist of real tokens. Of
    spans with equal scores, the one that begins first is taken, then the shortest.

    Args:
        start: (B, T) scores of first tokens.
        end: (B, T) scores of last tokens.
        mask: (B, T) bool, real tokens on the left; every row has at least one.
        limit: largest number of tokens in a span; None for no limit.

    Returns:
        (B, 2) int64 first and last token.
    """
    width = start.shape[1] if limit is None else min(limit, start.shape[1])
    low = float("-inf")
    start, end = start.masked_fill(~mask, low), end.masked_fill(~mask, low)
    ends = torch.nn.functional.pad(end, (0, width - 1), value=low).unfold(1, width, 1)
    scores = (start.unsqueeze(2) + ends).flatten(1)  # (B, T · width)
    best = scores.argmax(dim=1)
    first = best // width
    return torch.stack([first, first + best % width], dim=1)
