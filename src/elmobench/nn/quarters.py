"""The sum of the four quarters of a square matrix, with its gradient written out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def sum_of_quarters(x: Tensor) -> Tensor:
    """(W, W) sum of the four (W, W) blocks of (2 W, 2 W) ``x``.

    It is equal to ``x.view(2, W, 2, W).sum(dim=(0, 2))``, which takes twenty times as long, since
    torch adds up values one by one there.

    >>> sum_of_quarters(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[10.]])
    """
    out: Tensor = _SumOfQuarters.apply(x)  # type: ignore[no-untyped-call]
    return out


class _SumOfQuarters(torch.autograd.Function):
    """See :func:`sum_of_quarters`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        width = len(x) // 2
        top, bottom = x[:width], x[width:]
        upper = top[:, :width] + top[:, width:]
        return upper.add_(bottom[:, :width] + bottom[:, width:])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad.repeat(2, 2)
