"""Random weights for a transformer: the same on every platform and with every library version.

They follow the initialisation of BERT (Devlin et al. 2019): weights of embeddings and of linear
layers have mean 0 and the standard deviation ``initializer_range`` of the configuration, biases are
0, and layer norms have weight 1 and bias 0. Every value is uniform in ±√3·``initializer_range``,
where the published code draws from a truncated normal distribution of the same variance. The values
come from the raw 64-bit outputs of PCG64, with one stream per weight, as those of
:mod:`elmobench.features.elmo.random_weights` do.
"""

from __future__ import annotations

import math
from typing import Any, Final

import torch
from torch import nn

from elmobench.core.errors import ConfigError
from elmobench.core.random_values import uniform_values

UNTRAINED_VERSION: Final = 1
"""Increased by hand when any weight changes; golden tests check this."""

_KINDS: Final = ("bert", "roberta", "distilbert", "electra")
"""Values of ``model_type`` whose published code initialises all weights in this way."""


def draw_weights(network: nn.Module, draw: int, where: str) -> None:
    """Replace all weights of a network by random ones.

    The weights get new memory: the old ones may be a map of the model's file.

    Args:
        network: a network of the transformers library, of one of the kinds named above.
        draw: its number; each number has other weights.
        where: the features, for messages.

    Raises:
        ConfigError: the network is of another kind, or has layers that are not known here.
    """
    config: Any = network.config
    kind = str(getattr(config, "model_type", "?"))
    if kind not in _KINDS:
        raise ConfigError(
            f"an untrained model of the kind {kind!r} is not known",
            where=where,
            fix=f"leave @untrained out, or use a model of one of the kinds {', '.join(_KINDS)}",
        )
    bound = math.sqrt(3) * float(config.initializer_range)
    with torch.no_grad():
        for module_name, module in network.named_modules():
            for name, weight in module.named_parameters(recurse=False):
                weight.data = _drawn(module, f"{module_name}.{name}", weight, draw, bound, where)


def _drawn(
    module: nn.Module, name: str, weight: torch.Tensor, draw: int, bound: float, where: str
) -> torch.Tensor:
    """A tensor of the shape and type of ``weight`` with initial values."""
    is_bias = name.endswith(".bias")
    if is_bias and isinstance(module, nn.Linear | nn.LayerNorm):
        return torch.zeros_like(weight)
    if isinstance(module, nn.LayerNorm):
        return torch.ones_like(weight)
    if isinstance(module, nn.Linear | nn.Embedding):
        values = 2 * uniform_values(f"{draw}/transformer/{name}", weight.numel()) - 1
        drawn = torch.from_numpy(values * bound).reshape(weight.shape).to(weight.dtype)
        if isinstance(module, nn.Embedding) and module.padding_idx is not None:
            drawn[module.padding_idx].zero_()
        return drawn
    raise ConfigError(
        f"how to initialise {name}, of a {type(module).__name__}, is not known",
        where=where,
        fix="leave @untrained out",
    )
