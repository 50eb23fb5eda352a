"""Adam that goes through a large parameter block by block, so that each stays in the cache."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

_BLOCK = 1 << 16
"""Values per block: with the gradient and two moments a megabyte."""
_LARGE = 1 << 20
"""Parameters with more values are changed block by block."""
_TINY = 1e-36
_NOTHING = 2.0**-26
"""What is added to a float32 number has no effect if it is at most this share of it."""
SMALL = 1 << 14
"""Parameters with at most this number of values are changed together, in few calls."""


class BlockedAdam:
    """torch's Adam with ``lr``, ``betas`` and ``eps``, on the processor: equal to it to the bit.

    It is no ``torch.optim.Optimizer``: any of those imports torch's compiler when it is made, which
    takes as long as to import torch itself.

    torch makes seven passes over a parameter, with two new arrays of its size. For the output
    matrix of a sense classifier, of millions of values, each of them goes through main memory. And
    for the few values of most probes its checks take longer than the arithmetic. Its fused Adam
    makes one pass, but rounds differently.

    Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization" (2015); the order of the
    operations is that of ``torch.optim.adam._single_tensor_adam``.

    Args:
        parameters: are changed in place.
        lr, betas, eps: as those of ``torch.optim.Adam``; ``lr`` may be changed in
            ``param_groups`` between two steps.

    Raises:
        ValueError: if there are no parameters, or a value is out of range.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        given = list(parameters)
        if not given:
            raise ValueError("there are no parameters to train")
        if not (lr >= 0 and eps >= 0 and len(betas) == 2 and all(0 <= beta < 1 for beta in betas)):
            raise ValueError(
                f"Adam with lr={lr}, betas={betas}, eps={eps}: a value is out of range"
            )
        self.param_groups: list[dict[str, Any]] = [
            {"params": given, "lr": lr, "betas": betas, "eps": eps}
        ]
        self.state: dict[Tensor, dict[str, Any]] = {}

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    def step(self) -> None:
        """Change the parameters by their gradients."""
        step_together([self])

    def moments(self, parameter: Tensor) -> dict[str, Any]:
        """The state of ``parameter``, in which one more step is counted."""
        state = self.state.setdefault(parameter, {})
        if not state:
            state["step"] = 0
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_sq"] = torch.zeros_like(parameter)
        state["step"] += 1
        return state


@torch.no_grad()
def step_together(optimizers: Sequence[BlockedAdam]) -> None:
    """Take a step of each optimizer.

    Small parameters of all of them are changed in the same calls, whose number then does not grow
    with theirs. Each ends with the same values as alone.
    """
    small: dict[tuple[float, float, float], list[_Change]] = defaultdict(list)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            beta1, beta2 = group["betas"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = optimizer.moments(parameter)
                rate = group["lr"] / (1 - beta1 ** state["step"])
                scale = (1 - beta2 ** state["step"]) ** 0.5
                tensors = (parameter, parameter.grad, state["exp_avg"], state["exp_avg_sq"])
                if parameter.numel() <= SMALL:
                    small[beta1, beta2, group["eps"]].append((*tensors, -rate, scale))
                    continue
                for block in _blocks(tensors):
                    _change(beta1, beta2, group["eps"], [(*block, -rate, scale)])
    for (beta1, beta2, eps), changes in small.items():
        _change(beta1, beta2, eps, changes)


_Four = tuple[Tensor, Tensor, Tensor, Tensor]
_Change = tuple[Tensor, Tensor, Tensor, Tensor, float, float]
"""Values, their gradient, its mean and its mean square; the negative rate, and the scale."""


def _change(beta1: float, beta2: float, eps: float, changes: Sequence[_Change]) -> None:
    """Change values by their gradients: eight calls of torch for all of them."""
    values, slopes, means, squares, rates, scales = map(list, zip(*changes, strict=True))
    torch._foreach_lerp_(means, slopes, 1 - beta1)
    torch._foreach_mul_(squares, beta2)
    torch._foreach_addcmul_(squares, slopes, slopes, 1 - beta2)
    if eps * _NOTHING > _TINY**0.5 / min(scales):
        # The root of zero takes torch four times as long as another one. Whatever is below this
        # number has a root that is nothing beside eps.
        divisors = torch._foreach_clamp_min(squares, _TINY)
        torch._foreach_sqrt_(divisors)
    else:
        divisors = torch._foreach_sqrt(squares)
    torch._foreach_div_(divisors, scales)
    torch._foreach_add_(divisors, eps)
    torch._foreach_addcdiv_(values, means, divisors, rates)


def _blocks(tensors: _Four) -> list[_Four]:
    """Views of the same part of each tensor; together they cover all of them."""
    count = tensors[0].numel()
    if count <= _LARGE or not all(tensor.is_contiguous() for tensor in tensors):
        return [tensors]
    values, slope, mean, square = (torch.split(tensor.view(-1), _BLOCK) for tensor in tensors)
    return list(zip(values, slope, mean, square, strict=True))
