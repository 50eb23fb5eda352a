"""Pooling over the real tokens of a padded batch; the result for an empty sentence is zero."""

from __future__ import annotations

import torch
from torch import Tensor

from elmobench.nn.scaling import padded_rows, with_zero_padding


def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """Softmax over the last axis of ``scores``, restricted to where ``mask`` is true.

    The bool mask is broadcast to the shape of ``scores``, which is also that of the result. It is
    zero where the mask is false, also in rows without any true position.
    """
    low = torch.finfo(scores.dtype).min
    weights = torch.softmax(scores.masked_fill(~mask, low), dim=-1)
    return weights * mask


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """(B, D) mean of (B, T, D) ``x`` over real tokens, where the (B, T) mask is true."""
    return mean_of_zero_padded(with_zero_padding(x, mask, padded_rows(mask)), mask)


def mean_of_zero_padded(x: Tensor, mask: Tensor) -> Tensor:
    """:func:`masked_mean` of vectors that are zero where the mask is false: they need no copy."""
    return x.sum(dim=1) / mask.sum(dim=1, keepdim=True).clamp(min=1)


def masked_max(x: Tensor, mask: Tensor) -> Tensor:
    """(B, D) maximum of (B, T, D) ``x`` over real tokens, where the (B, T) mask is true."""
    if x.shape[1] == 0:
        return x.new_zeros(x.shape[0], x.shape[2])
    low = torch.finfo(x.dtype).min
    best = x.masked_fill(~mask.unsqueeze(-1), low).amax(dim=1)
    return best.masked_fill(~mask.any(dim=1, keepdim=True), 0.0)


def masked_min(x: Tensor, mask: Tensor) -> Tensor:
    """(B, D) minimum of (B, T, D) ``x`` over real tokens, where the (B, T) mask is true."""
    return -masked_max(-x, mask)


def attentive_pool(x: Tensor, scores: Tensor, mask: Tensor) -> Tensor:
    """(B, D) mean of (B, T, D) ``x`` over real tokens, weighted by softmax of (B, T) ``scores``."""
    weights = masked_softmax(scores, mask)
    return (weights.unsqueeze(1) @ x.masked_fill(~mask.unsqueeze(-1), 0.0)).squeeze(1)
