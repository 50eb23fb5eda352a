"""TensorFlow's default initial weights."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


@torch.no_grad()
def glorot_uniform_(target: nn.Module | Tensor) -> None:
    """Draw weights uniformly from ±√(6 / (inputs + outputs)), as ``tf.get_variable`` does.

    A vector of n numbers, for instance a bias, counts as n inputs and n outputs, so its limit is
    √(3 / n). A single number is a vector of one. The rows and columns of an embedding are its
    inputs and outputs.

    Source: TensorFlow 1, ``tf.glorot_uniform_initializer``; Glorot and Bengio (2010).

    Args:
        target: a tensor, or a module whose own parameters (not those of its children) are drawn.
    """
    tensors = list(target.parameters(recurse=False)) if isinstance(target, nn.Module) else [target]
    for tensor in tensors:
        if tensor.dim() > 1:
            nn.init.xavier_uniform_(tensor)
        else:
            limit = math.sqrt(3 / tensor.numel())
            nn.init.uniform_(tensor, -limit, limit)
