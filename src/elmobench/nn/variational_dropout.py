"""Dropout that leaves out the same dimensions at every token of a sequence."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class VariationalDropout(nn.Module):
    """(B, T, D) -> (B, T, D): one mask over D for each sequence (Gal and Ghahramani 2016).

    Args:
        p: probability of leaving a dimension out; kept ones are scaled by 1 / (1 - p).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """The identity in evaluation."""
        if not self.training or not self.p:
            return x
        scale = torch.empty(x.shape[0], 1, x.shape[2], device=x.device, dtype=x.dtype)
        return x * scale.bernoulli_(1 - self.p).div_(1 - self.p)
