"""AllenNLP's scalar mix, with its parameter names and its layer normalisation.

Source: ``allennlp.modules.scalar_mix.ScalarMix`` (AllenNLP 2.10.1). The heads of this project use
:class:`elmobench.nn.layer_mix.LayerMix`, whose normalisation does not depend on the batch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from elmobench.core.errors import ConfigError
from elmobench.core.parsing import parsing

_TINY = 1e-13


class ScalarMix(nn.Module):
    """Mix (L, B, T, D) layers to (B, T, D): ``γ Σ_j s_j h_j`` with ``s = softmax(w)``.

    >>> mix = ScalarMix(3)
    >>> sorted(mix.state_dict())
    ['gamma', 'scalar_parameters.0', 'scalar_parameters.1', 'scalar_parameters.2']

    Args:
        num_layers: L.
        do_layer_norm: scale each layer to mean 0 and variance 1 before it is mixed. As in
            AllenNLP, mean and variance are taken over all values at all tokens of the batch, so
            that a sentence's vectors depend on the other sentences of its batch.
        initial: the raw weights w; zeros for None.
        trainable: whether w and γ are trained.

    Raises:
        ConfigError: if ``initial`` does not have one finite number per layer.
    """

    def __init__(
        self,
        num_layers: int,
        do_layer_norm: bool = False,
        initial: Sequence[float] | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__()
        where, advice = "scalar_mix_parameters", "give one raw weight per layer, the CNN first"
        with parsing(where, ConfigError, what="are not numbers", fix=advice):
            raw = [0.0] * num_layers if initial is None else [float(value) for value in initial]
        if not all(map(math.isfinite, raw)):
            raise ConfigError(f"the values {raw} are not all finite", where=where, fix=advice)
        if len(raw) != num_layers:
            raise ConfigError(
                f"scalar_mix_parameters has {len(raw)} values for {num_layers} layers",
                fix=advice,
            )
        self.do_layer_norm = do_layer_norm
        self.scalar_parameters = nn.ParameterList(
            nn.Parameter(torch.tensor([value], dtype=torch.float32), requires_grad=trainable)
            for value in raw
        )
        self.gamma = nn.Parameter(torch.ones(1, dtype=torch.float32), requires_grad=trainable)

    def forward(self, layers: Tensor, mask: Tensor) -> Tensor:
        """Mix ``layers``, which are zero where the (B, T) ``mask`` is false."""
        layers = layers.to(self.gamma.dtype)
        if self.do_layer_norm:
            layers = _normalised(layers, mask)
        # Autocast would round the product to 16 bits.
        with torch.autocast(layers.device.type, enabled=False):
            s = torch.softmax(torch.cat(list(self.scalar_parameters)), dim=0)
            mixed: Tensor = self.gamma * torch.tensordot(s, layers, dims=1)
        return mixed


def _normalised(layers: Tensor, mask: Tensor) -> Tensor:
    """Scale each layer by its mean and variance where ``mask`` is true; padding is scaled too."""
    count = mask.sum() * layers.shape[-1]
    mean = layers.double().sum(dim=(1, 2, 3), keepdim=True) / count
    centred = layers - mean.to(layers.dtype)
    squares = centred.double().square().sum(dim=-1) * mask
    variance = squares.sum(dim=(1, 2))[:, None, None, None] / count
    return centred / torch.sqrt(variance + _TINY).to(layers.dtype)
