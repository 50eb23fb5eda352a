"""Adam that goes through a large parameter block by block, so that each stays in the cache."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

_BLOCK = 1 << 16
"""Values per block: with the gradient and two moments a megabyte."""
_LARGE = 1 << 20
"""Parameters with more values are changed block by block."""


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

    @torch.no_grad()
    def step(self) -> None:
        """Change the parameters by their gradients."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._change(parameter, parameter.grad, group)

    def _change(self, parameter: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        state = self.state.setdefault(parameter, {})
        if not state:
            state["step"] = 0
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_sq"] = torch.zeros_like(parameter)
        state["step"] += 1
        beta1, beta2 = group["betas"]
        rate = group["lr"] / (1 - beta1 ** state["step"])
        scale = (1 - beta2 ** state["step"]) ** 0.5
        tensors = (parameter, grad, state["exp_avg"], state["exp_avg_sq"])
        for values, slope, mean, square in _blocks(tensors):
            mean.lerp_(slope, 1 - beta1)
            square.mul_(beta2).addcmul_(slope, slope, value=1 - beta2)
            divisor = (square.sqrt().div_(scale)).add_(group["eps"])
            values.addcdiv_(mean, divisor, value=-rate)


def _blocks(tensors: tuple[Tensor, ...]) -> list[tuple[Tensor, ...]]:
    """Views of the same part of each tensor; together they cover all of them."""
    count = tensors[0].numel()
    if count <= _LARGE or not all(tensor.is_contiguous() for tensor in tensors):
        return [tensors]
    flat = [tensor.view(-1) for tensor in tensors]
    return [
        tuple(tensor[start : start + _BLOCK] for tensor in flat)
        for start in range(0, count, _BLOCK)
    ]
