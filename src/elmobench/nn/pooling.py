"""Pooling over the real tokens of a padded batch. An empty sentence pools to zeros."""

from __future__ import annotations

import torch
from torch import Tensor


def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """Softmax over the last axis of ``scores``, zero where ``mask`` (bool, broadcast) is false.

    A row without any true position is all zeros.
    """
    low = torch.finfo(scores.dtype).min
    weights = torch.softmax(scores.masked_fill(~mask, low), dim=-1)
    return weights * mask


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """(B, T, D), (B, T) -> (B, D): the sum over real tokens divided by their number."""
    total = x.masked_fill(~mask.unsqueeze(-1), 0.0).sum(dim=1)
    return total / mask.sum(dim=1, keepdim=True).clamp(min=1)


def masked_max(x: Tensor, mask: Tensor) -> Tensor:
    """(B, T, D), (B, T) -> (B, D): the largest value over real tokens."""
    if x.shape[1] == 0:
        return x.new_zeros(x.shape[0], x.shape[2])
    low = torch.finfo(x.dtype).min
    best = x.masked_fill(~mask.unsqueeze(-1), low).amax(dim=1)
    return best.masked_fill(~mask.any(dim=1, keepdim=True), 0.0)


def masked_min(x: Tensor, mask: Tensor) -> Tensor:
    """(B, T, D), (B, T) -> (B, D): the smallest value over real tokens."""
    return -masked_max(-x, mask)


def attentive_pool(x: Tensor, scores: Tensor, mask: Tensor) -> Tensor:
    """(B, T, D), (B, T), (B, T) -> (B, D): the mean of real tokens weighted by softmax(scores)."""
    weights = masked_softmax(scores, mask)
    return (weights.unsqueeze(1) @ x.masked_fill(~mask.unsqueeze(-1), 0.0)).squeeze(1)
