"""Highway layers, which pass on a gated mixture of their input and a transformation of it.

Source: Srivastava et al., "Highway Networks" (2015). The biLM has highway layers of its own, with
fixed arithmetic.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Highway(nn.Module):
    """(…, D) to (…, D): ``g ∘ x + (1 − g) ∘ relu(W x + b)`` with ``g = σ(V x + c)``, repeated.

    The gates start open (c = 1), so that at first a layer mostly passes on its input.

    Args:
        dim: D.
        layers: number of layers.
    """

    def __init__(self, dim: int, layers: int = 1) -> None:
        super().__init__()
        # Each computes both W x + b and V x + c, in this order.
        self.layers = nn.ModuleList(nn.Linear(dim, 2 * dim) for _ in range(layers))
        for layer in self.layers:
            assert isinstance(layer, nn.Linear)
            nn.init.ones_(layer.bias[dim:])

    def forward(self, x: Tensor) -> Tensor:
        """Apply all layers."""
        for layer in self.layers:
            transformed, gate = layer(x).chunk(2, dim=-1)
            gate = torch.sigmoid(gate)
            x = gate * x + (1 - gate) * torch.relu(transformed)
        return x
