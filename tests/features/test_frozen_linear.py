"""Frozen products against float64, in both precisions, with and without oneDNN."""

import pytest
import torch

from elmobench.features import frozen_linear
from elmobench.features.frozen_linear import FrozenLinear


@pytest.fixture(params=["onednn", "plain"])
def backend(request, monkeypatch):
    if request.param == "plain":
        monkeypatch.setattr(frozen_linear, "_onednn", lambda: None)
    elif frozen_linear._onednn() is None:
        pytest.skip("this PyTorch has no oneDNN")
    return request.param


def _problem(rows=37, k=513, n=70):
    random = torch.Generator().manual_seed(0)
    return (
        torch.randn(rows, k, generator=random),
        torch.randn(k, n, generator=random),
        torch.randn(n, generator=random),
    )


@pytest.mark.parametrize("with_bias", [True, False])
def test_float32_is_float32(backend, with_bias):
    x, weight, bias = _problem()
    linear = FrozenLinear(weight, bias if with_bias else None)
    exact = x.double() @ weight.double() + (bias.double() if with_bias else 0)
    assert (linear.in_features, linear.out_features) == (513, 70)
    # Of sums of 513 products of standard normals; bf16 or TF32 factors would be off by 0.05.
    assert (linear(x).double() - exact).abs().max() <= 2e-4


def test_any_number_of_rows_gives_the_same_rows(backend):
    x, weight, bias = _problem()
    linear = FrozenLinear(weight, bias)
    whole = linear(x)
    for rows in (1, 2, 36):
        assert (linear(x[:rows]) - whole[:rows]).abs().max() <= 1e-4
    assert linear(x[:0]).shape == (0, 70)
    assert linear(x.view(37, 1, 513)).shape == (37, 1, 70)
    assert torch.equal(linear(x.t().contiguous().t()), whole)


@pytest.mark.parametrize("has_bfloat16", [None, False])
def test_bfloat16_rounds_factors_and_results_and_sums_in_float32(
    backend, has_bfloat16, monkeypatch
):
    if has_bfloat16 is not None:
        monkeypatch.setattr(frozen_linear, "has_bfloat16", lambda: has_bfloat16)
    x, weight, bias = (t.bfloat16() for t in _problem())
    found = FrozenLinear(weight.float(), bias.float(), torch.bfloat16)(x)
    exact = x.double() @ weight.double() + bias.double()
    assert found.dtype == torch.bfloat16
    # Half a unit in the last of 8 bits, and the sum's own error.
    assert ((found.double() - exact).abs() <= exact.abs() * 2**-8 + 1e-3).all()


@pytest.mark.parametrize("block", [1, 100, 513, 1000])
def test_sums_in_blocks_are_the_same_sums(backend, block):
    x, weight, bias = _problem(k=513)
    exact = x.double() @ weight.double() + bias.double()
    found = FrozenLinear(weight, bias, block=block)(x)
    assert (found.double() - exact).abs().max() <= 2e-4
    near = FrozenLinear(weight, bias, torch.bfloat16, block=block)(x.bfloat16())
    assert torch.equal(near, FrozenLinear(weight, bias, torch.bfloat16)(x.bfloat16()))


def test_short_sums_err_less_than_one_long_one():
    if frozen_linear._onednn() is None:
        pytest.skip("this PyTorch has no oneDNN")
    x, weight, _ = _problem(rows=200, k=4096)
    exact = x.double() @ weight.double()
    errors = [
        (FrozenLinear(weight, block=block)(x).double() - exact).abs().mean()
        for block in (None, 256)
    ]
    assert errors[1] < errors[0]
