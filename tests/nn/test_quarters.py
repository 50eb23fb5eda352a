"""The sum of a matrix's quarters, against torch's sum over two axes, to the bit."""

from __future__ import annotations

import torch

from elmobench.nn.quarters import sum_of_quarters


def test_values_and_gradient_are_those_of_the_sum() -> None:
    results = []
    for name in ("quarters", "axes"):
        x = torch.randn(34, 34, generator=torch.Generator().manual_seed(2)).requires_grad_()
        total = sum_of_quarters(x) if name == "quarters" else x.view(2, 17, 2, 17).sum(dim=(0, 2))
        (total**3).sum().backward()
        results.append((total.detach(), x.grad))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])
