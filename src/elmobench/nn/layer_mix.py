"""The scalar mix of the layers of a model: ``γ Σ_j s_j h_j`` with ``s = softmax(w)``.

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
    """The state of a mix as it is stored in a run record.

    ``s`` has one weight for each of the L layers (0 for unused ones); it is None for a
    concatenation and for a part with one layer. ``gamma`` is 1.0 if it is not learned. ``w`` has
    the raw weights of the layers that are mixed; it is None if none are learned.
    """

    s: list[float] | None
    gamma: float
    w: list[float] | None


class LayerMix(nn.Module):
    """Mix (B, L', T, D) frozen layers to (B, T, D), or to (B, T, L'·D) with ``concat``.

    A part with one layer is returned unchanged: it has no parameters, γ is 1, and ``norm`` is not
    applied, since there are no scales to equalise. ``concat`` has neither s nor γ.

    >>> mix = LayerMix(num_layers=3)
    >>> mix(torch.ones(2, 3, 5, 8)).shape
    torch.Size([2, 5, 8])
    >>> LayerMix(num_layers=3, mode="layer=1").report()["s"]
    [0.0, 1.0, 0.0]

    Args:
        num_layers: L, the number of layers of the part.
        mode: a :class:`MixMode` or its text.
        gamma: whether to learn the scale γ, which is initially 1; also in modes that read one
            layer of several, since without γ such a layer may not train (section 3.3 of the
            paper).
        norm: ``token`` scales the vector of each token and layer to zero mean and unit variance
            before mixing, without learned parameters. Statistics are never computed over the
            batch, so that the vectors of a sentence do not depend on the other sentences.

    Raises:
        ConfigError: if the mode is unknown or the part does not have the layers it reads.
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
        learned = self.mode.kind in ("learned", "first", "without") and used > 1
        scaled = gamma and not self.identity and not self._concat
        self.register_parameter("w", nn.Parameter(torch.zeros(used)) if learned else None)
        self.register_parameter("gamma", nn.Parameter(torch.ones(())) if scaled else None)

    def width(self, dim: int) -> int:
        """Number of output values per token for layers of ``dim`` values."""
        return dim * len(self.layers_needed) if self._concat else dim

    def forward(self, layers: Tensor) -> Tensor:
        """Mix (B, L', T, D) ``layers``: all L layers, or only :attr:`layers_needed`."""
        mixed = self.unscaled(layers)
        return mixed if self.gamma is None else self.gamma * mixed

    def unscaled(self, layers: Tensor) -> Tensor:
        """What :meth:`forward` gives, without γ."""
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
            return layers[:, 0]
        if self.w is None:
            return layers.mean(dim=1)
        s = torch.softmax(self.w, dim=0)
        # One product over the flattened tokens is ten times faster than a sum of scaled layers.
        return (s.expand(len(layers), 1, used) @ layers.flatten(2)).view_as(layers[:, 0])

    def penalty(self, l2: float) -> Tensor:
        """The scalar λ Σ_j w_j² with λ = ``l2``, of the raw weights only; 0 if there are none."""
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
