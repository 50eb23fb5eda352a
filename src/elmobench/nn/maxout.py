"""Maxout layers.

Source: Goodfellow et al., "Maxout Networks" (2013).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn


class Maxout(nn.Module):
    """A stack of layers, each the elementwise maximum of ``pool`` linear maps, then dropout.

    Args:
        input_dim: width of the input.
        output_dims: width of the output of each layer.
        pool: number of linear maps per layer.
        dropouts: dropout after each layer.

    Raises:
        ValueError: if ``dropouts`` and ``output_dims`` differ in number.
    """

    def __init__(
        self, input_dim: int, output_dims: Sequence[int], pool: int, dropouts: Sequence[float]
    ) -> None:
        super().__init__()
        if len(dropouts) != len(output_dims):
            raise ValueError(f"{len(output_dims)} maxout layers but {len(dropouts)} dropouts")
        self.pool = pool
        widths = [input_dim, *output_dims]
        self.layers = nn.ModuleList(
            nn.Linear(before, after * pool) for before, after in pairwise(widths)
        )
        self.dropouts = nn.ModuleList(nn.Dropout(p) for p in dropouts)

    def forward(self, x: Tensor) -> Tensor:
        """(…, input_dim) to (…, output_dims[-1])."""
        for layer, dropout in zip(self.layers, self.dropouts, strict=True):
            x = dropout(layer(x).unflatten(-1, (-1, self.pool)).amax(dim=-1))
        return x
