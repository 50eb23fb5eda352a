from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from elmobench.nn.dropout import Dropout, sharing_noise


def one_pass(module: nn.Module, x: Tensor, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Output, gradient, and the next random numbers."""
    torch.manual_seed(seed)
    given = x.clone().requires_grad_()
    out = module(given)
    out.square().sum().backward()
    assert given.grad is not None
    return out.detach(), given.grad, torch.rand(5)


@pytest.mark.parametrize("rate", [0.0, 0.3, 0.5])
def test_shared_noise_is_that_of_torch_to_the_bit(rate: float) -> None:
    x = torch.randn(3, 7, 11)
    expected = one_pass(nn.Sequential(nn.Dropout(rate), nn.Dropout(rate)), x)
    models = [nn.Sequential(Dropout(rate), Dropout(rate)) for _ in range(3)]
    with sharing_noise(models) as cache:
        for _ in range(2):
            cache.clear()
            for model in models:
                for ours, theirs in zip(one_pass(model, x), expected, strict=True):
                    assert torch.equal(ours, theirs)


def test_other_rates_shapes_and_seeds_share_nothing() -> None:
    cases = [(0.3, (4, 5), 0), (0.5, (4, 5), 0), (0.3, (5, 4), 0), (0.3, (4, 5), 1)]
    modules = [Dropout(rate) for rate, _, _ in cases]
    with sharing_noise(modules):
        for module, (rate, shape, seed) in zip(modules, cases, strict=True):
            x = torch.ones(shape)
            found = one_pass(module, x, seed)
            for ours, theirs in zip(found, one_pass(nn.Dropout(rate), x, seed), strict=True):
                assert torch.equal(ours, theirs)


def test_numbers_are_drawn_once_and_only_in_training(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[torch.Size] = []
    draw = Tensor.bernoulli_

    def counted(self: Tensor, p: float) -> Tensor:
        drawn.append(self.shape)
        return draw(self, p)

    monkeypatch.setattr(Tensor, "bernoulli_", counted)
    models = [Dropout(0.5) for _ in range(4)]
    x = torch.ones(6)
    with sharing_noise(models):
        for model in models:
            one_pass(model, x)
            assert torch.equal(model.eval()(x), x)
    assert drawn == [x.shape]
    one_pass(models[0].train(), x)
    assert drawn == [x.shape]  # alone, torch's own dropout draws
