"""What the published heads share: given token vectors, random parameters, their export."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


class GivenVectors(nn.Module):
    """Takes the place of AllenNLP's text field embedder: returns the vectors that it is given."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def get_output_dim(self) -> int:
        """Width of a vector."""
        return self.width

    def forward(self, text: dict[str, dict[str, Tensor]], num_wrapping_dims: int = 0) -> Tensor:
        """The (B, T, D) vectors in ``text``."""
        return text["tokens"]["vectors"]


class GivenTokenVectors(nn.Module):
    """Takes the place of one token embedder among several; returns the vectors that it is given."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def get_output_dim(self) -> int:
        """Width of a vector."""
        return self.width

    def forward(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """The (B, T, D) ``vectors``."""
        return vectors


def text_of(vectors: Tensor, mask: Tensor) -> dict[str, dict[str, Tensor]]:
    """What AllenNLP's models take as tokens: (B, T, D) vectors with their (B, T) mask."""
    return {"tokens": {"vectors": vectors, "mask": mask}}


def mask_of(lengths: Sequence[int]) -> Tensor:
    """(B, T) bool mask of sentences of these lengths, padded on the right."""
    return torch.arange(max(lengths)).unsqueeze(0) < torch.tensor(lengths).unsqueeze(1)


def draw_parameters(module: nn.Module, scale: float = 0.3) -> None:
    """Draw every parameter from a normal distribution, also those that start at zero.

    Args:
        module: the published head.
        scale: standard deviation, large enough for gradients well above the allowed difference.
    """
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.requires_grad:
                parameter.normal_(0.0, scale)


def parameters_of(module: nn.Module) -> dict[str, Any]:
    """The trainable parameters as ``parameter/…`` arrays."""
    return {
        f"parameter/{name}": parameter.detach().numpy()
        for name, parameter in module.named_parameters()
        if parameter.requires_grad
    }


def padded(sequences: Iterable[Sequence[int]]) -> Any:
    """(N, T) int64 array of sequences of numbers, padded with -1."""
    rows = list(sequences)
    array = np.full((len(rows), max(map(len, rows))), -1, dtype=np.int64)
    for row, sequence in zip(array, rows):  # noqa: B905  (Python 3.8 has no `strict`)
        row[: len(sequence)] = sequence
    return array
