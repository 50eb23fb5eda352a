"""Dropout that drops the same values at every token of a sequence (Gal and Ghahramani 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class VariationalDropout(nn.Module):
    """(B, T, D) to (B, T, D): one mask a sequence, the same at all of its tokens.

    Args:
        p: probability of dropping a value; the others are scaled by 1 / (1 - p).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """``x`` itself in evaluation mode."""
        if not self.training or self.p == 0:
            return x
        ones = torch.ones(x.shape[0], 1, x.shape[2], dtype=x.dtype, device=x.device)
        return x * F.dropout(ones, self.p)
