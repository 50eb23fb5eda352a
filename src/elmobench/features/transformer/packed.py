"""Frozen linear layers whose products do not depend on the batch or the number of threads."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from elmobench.features.frozen_linear import FrozenLinear


def pack_linears(network: nn.Module) -> None:
    """Make the linear layers of a network on a CPU compute as :class:`FrozenLinear`.

    PyTorch's default (MKL) sums in a different order for each shape; over a few layers the
    differences exceed 5e-6. The layers also keep their weights, which some networks read.
    """
    from transformers.pytorch_utils import Conv1D

    for module in network.modules():
        if type(module) is nn.Linear:
            weight = module.weight.t()
        elif type(module) is Conv1D:
            weight = cast("Tensor", module.weight)
        else:
            continue
        if weight.device.type == "cpu":
            bias = cast("Tensor | None", module.bias)
            # Set on the instance, so that the type of the layer does not change.
            module.__dict__["forward"] = FrozenLinear(weight, bias, weight.dtype)
