"""Frozen linear layers whose products do not depend on the batch or the number of threads."""

from __future__ import annotations

from torch import nn

from elmobench.features.frozen_linear import FrozenLinear


def pack_linears(network: nn.Module) -> None:
    """Let the linear layers of ``network`` run as :class:`FrozenLinear`, where it lies on a CPU.

    PyTorch's default (MKL) sums otherwise for each shape: over a few layers that adds up to more
    than 5e-6. The layers keep their weights as well, for networks that look at them.
    """
    from transformers.pytorch_utils import Conv1D

    for module in network.modules():
        if type(module) is nn.Linear:
            weight = module.weight.t()
        elif type(module) is Conv1D:
            weight = module.weight
        else:
            continue
        if weight.device.type == "cpu":
            # On the instance: the layer stays what it was to everything else.
            module.__dict__["forward"] = FrozenLinear(weight, module.bias, weight.dtype)
