"""Frozen linear layers whose products do not depend on the batch or the number of threads."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor, nn

# Rows that oneDNN is told to expect. The packing serves any number; this one suits batches.
_EXPECTED_ROWS: Final = 128


def pack_linears(network: nn.Module) -> None:
    """Let the linear layers of ``network`` run on oneDNN, with weights packed once.

    On a CPU oneDNN sums each product in an order of its own, whatever the other rows and the
    number of threads, where PyTorch's default (MKL) sums otherwise for each shape: over a few
    layers that adds up to more than 5e-6. It is true fp32, and never slower by much. Where this
    build of PyTorch lacks it, and on other devices, nothing changes. The layers keep their
    weights as well, for networks that look at them.
    """
    from transformers.pytorch_utils import Conv1D

    operators: Any = torch.ops.mkldnn
    backend: Any = torch.backends.mkldnn
    usable = backend.is_available() and backend.enabled
    if not (usable and hasattr(operators, "_linear_pointwise")):
        return
    for module in network.modules():
        if type(module) is nn.Linear:
            rows = module.weight
        elif type(module) is Conv1D:
            rows = module.weight.t()
        else:
            continue
        if rows.device.type == "cpu":
            # On the instance: the layer stays what it was to everything else.
            module.__dict__["forward"] = _packed(rows, module.bias, operators)


def _packed(rows: Tensor, bias: Tensor | None, operators: Any) -> Callable[[Tensor], Tensor]:
    with torch.inference_mode():
        weight = operators._reorder_linear_weight(rows.detach().contiguous(), _EXPECTED_ROWS)
    return partial(_product, operators._linear_pointwise, weight, bias)


def _product(operator: Any, weight: Tensor, bias: Tensor | None, x: Tensor) -> Tensor:
    product: Tensor = operator(x.contiguous(), weight, bias, "none", [], "")
    return product
