"""Scale mixed vectors by γ, standardise them, and set padding to zero, in one function.

Each value is computed by the same operations in the same order as one by one; they run in one
array, and the gradient is written out. The time is in the padding: ``torch.where`` and
``masked_fill`` with a mask over tokens look at every value by itself and take six times as long as
a product, in both directions. Here the rows of padding are found once per batch, and only they are
written.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def padded_rows(mask: Tensor) -> Tensor | None:
    """(P,) int64 positions of padding in the flattened mask.

    On a GPU the result is None, since the processor would have to wait for their number.

    >>> padded_rows(torch.tensor([[True, True], [True, False]]))
    tensor([3])

    Args:
        mask: (B, T) bool, true at real tokens.
    """
    if mask.device.type != "cpu":
        return None
    return (~mask).flatten().nonzero().squeeze(1)


def scaled_and_standardized(
    x: Tensor,
    gamma: Tensor | None,
    mean: Tensor | None,
    std: Tensor | None,
    mask: Tensor,
    rows: Tensor | None,
) -> Tensor:
    """``(gamma * x - mean) / std`` where ``mask`` is true, and zero elsewhere; (B, T, D).

    >>> scaled_and_standardized(
    ...     torch.tensor([[[1.0], [2.0]]]), torch.tensor(3.0), torch.ones(1), torch.ones(1),
    ...     torch.tensor([[True, False]]), torch.tensor([1]),
    ... ).tolist()
    [[[2.0], [0.0]]]

    Args:
        x: (B, T, D); is not changed.
        gamma: a scalar; None for 1.
        mean, std: (D,), which are not trained; None to leave the vectors as they are.
        mask: (B, T) bool, true at real tokens.
        rows: what :func:`padded_rows` gives for ``mask``.
    """
    out: Tensor = _Scaled.apply(x, gamma, mean, std, mask, rows)  # type: ignore[no-untyped-call]
    return out


def with_zero_padding(x: Tensor, mask: Tensor, rows: Tensor | None) -> Tensor:
    """(B, T, D) ``x`` with zeros where ``mask`` is false.

    Args:
        x: (B, T, D); is not changed.
        mask, rows: see :func:`scaled_and_standardized`.
    """
    return scaled_and_standardized(x, None, None, None, mask, rows)


class _Scaled(torch.autograd.Function):
    """See :func:`scaled_and_standardized`."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        gamma: Tensor | None,
        mean: Tensor | None,
        std: Tensor | None,
        mask: Tensor,
        rows: Tensor | None,
    ) -> Tensor:
        ctx.save_for_backward(None if gamma is None else x, gamma, std, mask, rows)
        if gamma is not None:
            out = gamma * x
            if mean is not None:
                out.sub_(mean)
        else:
            out = x.clone() if mean is None else x - mean
        if std is not None:
            out.div_(std)
        _zero_padding(out, mask, rows)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, gamma, std, mask, rows = ctx.saved_tensors
        # The gradient of a mean over the tokens is the same at each of them: it is scaled once.
        shared = grad.shape[1] > 1 and grad.stride(1) == 0
        back = _scaled_back(grad[:, :1] if shared else grad, std)
        # Zero instead of a product with the mask: a gradient at padding may not be finite.
        if not shared:
            _zero_padding(back, mask, rows)
        to_gamma = None
        if gamma is not None:
            if ctx.needs_input_grad[1]:
                product = back * x
                if shared:
                    _zero_padding(product, mask, rows)
                to_gamma = product.sum()
            if ctx.needs_input_grad[0]:
                back.mul_(gamma)
        if not ctx.needs_input_grad[0]:
            return None, to_gamma, None, None, None, None
        if shared:
            back = back.expand_as(grad).clone(memory_format=torch.contiguous_format)
            _zero_padding(back, mask, rows)
        return back, to_gamma, None, None, None, None


def _scaled_back(grad: Tensor, std: Tensor | None) -> Tensor:
    """``grad / std`` in a new contiguous array."""
    back = torch.empty_like(grad, memory_format=torch.contiguous_format)
    return back.copy_(grad) if std is None else torch.div(grad, std, out=back)


def _zero_padding(x: Tensor, mask: Tensor, rows: Tensor | None) -> None:
    """Set the vectors at padding to zero, in place.

    Args:
        x: (B, T, D).
        mask, rows: see :func:`scaled_and_standardized`.
    """
    if rows is None or not x.is_contiguous():
        x.masked_fill_(~mask.unsqueeze(-1), 0.0)
    elif len(rows):
        x.flatten(0, 1).index_fill_(0, rows, 0.0)
