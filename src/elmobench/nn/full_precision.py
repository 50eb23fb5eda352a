"""What is computed in float32 in a head of lower precision."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_HALF = (torch.bfloat16, torch.float16)


def in_full_precision(function: type[torch.autograd.Function], x: Tensor, *rest: Any) -> Tensor:
    """Apply ``function`` to ``x`` in float32, and to ``rest``.

    Our recurrences write into tensors that they made, which autocast does not cast. Only the
    products of all tokens at once, from which ``x`` comes, are of lower precision then.
    """
    if x.dtype not in _HALF:
        out: Tensor = function.apply(x, *rest)  # type: ignore[no-untyped-call]
        return out
    with torch.autocast(x.device.type, enabled=False):
        return in_full_precision(function, x.float(), *map(_widened, rest))


def widened(tensor: Tensor) -> Tensor:
    """A tensor of half precision in float32, another one as it is."""
    return tensor.float() if tensor.dtype in _HALF else tensor


def _widened(value: Any) -> Any:
    return widened(value) if isinstance(value, Tensor) else value
