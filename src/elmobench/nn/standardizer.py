"""Standardise vectors to zero mean and unit variance over the training tokens."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

CONSTANT = 1e-6
"""Dimensions with a smaller standard deviation are only centred, since scaling amplifies noise."""


class RunningMoments:
    """Mean and variance of vectors that are added in blocks, in float64.

    Source: Chan, Golub and LeVeque, "Algorithms for Computing the Sample Variance" (1983).

    Args:
        dim: values per vector.
    """

    def __init__(self, dim: int) -> None:
        self.count = 0
        self.mean = torch.zeros(dim, dtype=torch.float64)
        self._squares = torch.zeros(dim, dtype=torch.float64)

    def add(self, block: Tensor) -> None:
        """Add (N, dim) vectors."""
        if len(block) == 0:
            return
        block = block.detach().to("cpu", torch.float64)
        mean = block.mean(dim=0)
        shift = mean - self.mean
        total = self.count + len(block)
        self._squares += (block - mean).square().sum(dim=0)
        self._squares += shift.square() * (self.count * len(block) / total)
        self.mean += shift * (len(block) / total)
        self.count = total

    @property
    def std(self) -> Tensor:
        """(dim,) population standard deviation."""
        return (self._squares / max(self.count, 1)).sqrt()


class Standardizer(nn.Module):
    """``(x - mean) / std`` with fixed buffers that are saved with the head.

    Args:
        dim: values per vector.
    """

    mean: Tensor
    std: Tensor
    fitted: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("std", torch.ones(dim))
        self.register_buffer("fitted", torch.zeros((), dtype=torch.bool))
        self._known_fitted = False

    @property
    def is_fitted(self) -> bool:
        """Whether mean and standard deviation are set.

        A GPU is asked until it says so, and not once per batch, for which its host would wait.
        """
        self._known_fitted = self._known_fitted or bool(self.fitted)
        return self._known_fitted

    def _load_from_state_dict(self, *args: Any) -> None:
        self._known_fitted = False
        super()._load_from_state_dict(*args)

    def set(self, moments: RunningMoments) -> None:
        """Set mean and standard deviation; call this once."""
        std = moments.std
        self.mean.copy_(moments.mean)
        self.std.copy_(torch.where(std < CONSTANT, 1.0, std))
        self.fitted.fill_(True)

    def forward(self, x: Tensor) -> Tensor:
        """(…, dim) to (…, dim)."""
        return (x - self.mean) / self.std
