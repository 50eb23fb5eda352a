"""The scalar mix of a part's layers: ``γ Σ_j s_j h_j`` with ``s = softmax(w)``.

Source: Peters et al., "Deep contextualized word representations" (NAACL 2018), equation 1.
"""

from __future__ import annotations

from typing import Literal, TypedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from elmobench.nn.mix_mode import MixMode

LayerNorm = Literal["none", "token"]


class MixReport(TypedDict):
    """What a record keeps of a mix.

    ``s`` has one weight for each of the part's L layers (0 where unused); None for a
    concatenation and for a part with one layer. ``gamma`` is 1.0 where it is not learned.
    ``w`` holds the raw weights of the layers that are mixed; None where none are learned.
    """

    s: list[float] | None
    gamma: float
    w: list[float] | None


class LayerMix(nn.Module):
    """(B, L', T, D) frozen layers to (B, T, D), or to (B, T, L·D) for ``concat``.

    A part with one layer passes unchanged: it has no s, no parameters, γ is 1 and ``norm`` is
    not applied (there is nothing to bring to a common scale). ``concat`` has neither s nor γ.

    Args:
        num_layers: L, the layers that the part has.
        mode: a :class:`MixMode` or its text.
        gamma: learn the scale γ, which starts at 1; also in the modes that read one layer of
            several, since without γ such a layer may not train (section 3.3 of the paper).
        norm: ``token`` scales each layer's vector of each token to zero mean and unit variance
            before mixing, without a learned affine. Statistics are never taken over the batch:
            a sentence's vectors do not depend on its neighbours.

    Raises:
        ConfigError: if the mode is unknown or the part has no such layer.
    """

    w: nn.Parameter | None
    gamma: nn.Parameter | None

    def __init__(
        self,
        num_layers: int,
        mode: MixMode | str = "learned",
        gamma: bool = True,
        norm: LayerNorm = "none",
    ) -> None:
        super().__init__()
        self.num_layers = num_layers
        self.mode = MixMode.parse(mode)
        self.layers_needed: tuple[int, ...] = self.mode.layers(num_layers)
        self.norm = norm
        self.identity = num_layers == 1
        self._concat = self.mode.kind == "concat" and not self.identity
        used = len(self.layers_needed)
        learned = self.mode.kind in ("learned", "first") and used > 1
        scaled = gamma and not self.identity and not self._concat
        self.register_parameter("w", nn.Parameter(torch.zeros(used)) if learned else None)
        self.register_parameter("gamma", nn.Parameter(torch.ones(())) if scaled else None)

    def width(self, dim: int) -> int:
        """Width of the output for layers of ``dim`` values."""
        return dim * len(self.layers_needed) if self._concat else dim

    def forward(self, layers: Tensor) -> Tensor:
        """Mix ``layers``: all L of them, or only :attr:`layers_needed`, on axis 1."""
        used = len(self.layers_needed)
        if layers.shape[1] == self.num_layers and used != self.num_layers:
            layers = layers[:, list(self.layers_needed)]
        if layers.shape[1] != used:
            raise ValueError(
                f"mix {self.mode} reads {used} of {self.num_layers} layers, got {layers.shape[1]}"
            )
        if self.identity:
            return layers[:, 0]
        if self.norm == "token":
            layers = F.layer_norm(layers, layers.shape[-1:])
        if self._concat:
            return layers.transpose(1, 2).flatten(2)
        if used == 1:
            mixed = layers[:, 0]
        elif self.w is None:
            mixed = layers.mean(dim=1)
        else:
            s = torch.softmax(self.w, dim=0)
            # One product over the flattened tokens: ten times a sum over scaled layers.
            mixed = (s.expand(len(layers), 1, used) @ layers.flatten(2)).view_as(layers[:, 0])
        return mixed if self.gamma is None else self.gamma * mixed

    def penalty(self, l2: float) -> Tensor:
        """λ Σ_j w_j² for λ = ``l2``: on the raw weights only, never on γ. Zero without weights."""
        return torch.zeros(()) if self.w is None else l2 * self.w.square().sum()

    def report(self) -> MixReport:
        """The current s, γ and w as plain numbers."""
        gamma = 1.0 if self.gamma is None else float(self.gamma.detach())
        if self.identity or self._concat:
            return {"s": None, "gamma": gamma, "w": None}
        used = len(self.layers_needed)
        raw = torch.zeros(used) if self.w is None else self.w.detach().cpu()
        s = [0.0] * self.num_layers
        for layer, weight in zip(self.layers_needed, torch.softmax(raw.double(), 0), strict=True):
            s[layer] = float(weight)
        return {"s": s, "gamma": gamma, "w": None if self.w is None else raw.tolist()}
