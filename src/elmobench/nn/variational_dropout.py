"""Dropout that drops the same dimensions at every token of a sequence.

Source: Gal and Ghahramani, "A Theoretically Grounded Application of Dropout in Recurrent Neural
Networks" (2016).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class VariationalDropout(nn.Module):
    """(B, T, D) to (B, T, D), with one dropout mask per sequence for all of its tokens.

    Args:
        p: probability of dropping a value; the others are scaled by 1 / (1 - p).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Apply dropout in training mode; return ``x`` itself in evaluation mode."""
        if not self.training or self.p == 0:
            return x
        ones = torch.ones(x.shape[0], 1, x.shape[2], dtype=x.dtype, device=x.device)
        return x * F.dropout(ones, self.p)
