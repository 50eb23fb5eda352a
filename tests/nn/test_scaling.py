"""Scaling in one function, against the same formula one operation at a time, to the bit."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from elmobench.nn.scaling import padded_rows, scaled_and_standardized

MASK = torch.arange(5) < torch.tensor([[5], [2], [0], [4]])


def _inputs(scale: bool, standardize: bool) -> tuple[Tensor | None, ...]:
    generator = torch.Generator().manual_seed(7)
    x = torch.randn(4, 5, 9, generator=generator)
    gamma = torch.tensor(1.7) if scale else None
    mean, std = torch.randn(9, generator=generator), torch.rand(9, generator=generator) + 0.3
    return (x, gamma, mean, std) if standardize else (x, gamma, None, None)


def _one_by_one(x: Tensor, gamma: Tensor | None, mean: Tensor | None, std: Tensor | None) -> Tensor:
    out = x if gamma is None else gamma * x
    if mean is not None and std is not None:
        out = (out - mean) / std
    return torch.where(MASK.unsqueeze(-1), out, 0.0)


@pytest.mark.parametrize("rows_known", [True, False])
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("scale", [True, False])
def test_values_and_gradients_are_those_of_the_formula(
    scale: bool, standardize: bool, rows_known: bool
) -> None:
    results = []
    for name in ("fused", "one by one"):
        x, gamma, mean, std = _inputs(scale, standardize)
        leaves = [t.requires_grad_() for t in (x, gamma) if t is not None]
        before = [leaf.detach().clone() for leaf in leaves]
        if name == "fused":
            rows = padded_rows(MASK) if rows_known else None
            out = scaled_and_standardized(leaves[0], gamma, mean, std, MASK, rows)
        else:
            out = _one_by_one(leaves[0], gamma, mean, std)
        # The gradient of a mean is expanded over the tokens; that of the power is not.
        out.mean(dim=1).square().sum().backward(retain_graph=True)
        (out**3).sum().backward()
        assert all(torch.equal(old, leaf) for old, leaf in zip(before, leaves, strict=True))
        results.append([out.detach(), *(leaf.grad for leaf in leaves)])
    for fused, expected in zip(*results, strict=True):
        assert fused.numpy().tobytes() == expected.numpy().tobytes()
    assert results[0][1].abs().sum() > 0


def test_what_is_not_finite_at_padding_reaches_nothing() -> None:
    x, gamma, mean, std = _inputs(scale=True, standardize=True)
    assert x is not None
    x = x.masked_fill(~MASK.unsqueeze(-1), torch.inf).requires_grad_()
    out = scaled_and_standardized(x, gamma, mean, std, MASK, padded_rows(MASK))
    out.backward(torch.where(MASK.unsqueeze(-1), 1.0, torch.nan).expand_as(out))
    assert torch.isfinite(out).all()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()


def test_a_gradient_that_others_read_is_not_changed() -> None:
    x, gamma, mean, std = _inputs(scale=True, standardize=True)
    assert x is not None
    out = scaled_and_standardized(x.requires_grad_(), gamma, mean, std, MASK, padded_rows(MASK))
    given = torch.ones_like(out)
    out.backward(given)
    assert torch.equal(given, torch.ones_like(out))
