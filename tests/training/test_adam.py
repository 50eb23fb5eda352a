"""Our Adam is torch's, to the bit."""

from __future__ import annotations

import pytest
import torch

from elmobench.training import adam
from elmobench.training.adam import BlockedAdam


@pytest.mark.parametrize("options", [{}, {"betas": (0.8, 0.99), "eps": 1e-6}])
def test_equal_to_torch_to_the_bit(options: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adam, "_LARGE", 500)
    monkeypatch.setattr(adam, "_BLOCK", 300)
    torch.manual_seed(0)
    start = [torch.randn(7), torch.randn(40, 25), torch.randn(()), torch.randn(20, 30).T]
    runs = []
    for kind in (torch.optim.Adam, BlockedAdam):
        parameters = [torch.nn.Parameter(value.clone()) for value in start]
        optimizer = kind(parameters, lr=0.1, **options)
        noise = torch.Generator().manual_seed(1)
        for step in range(5):
            for i, parameter in enumerate(parameters):
                parameter.grad = torch.randn(parameter.shape, generator=noise)
                if step == 2 and i == 0:
                    parameter.grad = None
            optimizer.step()
            optimizer.param_groups[0]["lr"] *= 0.7
        runs.append(parameters)
    for ours, theirs in zip(*runs, strict=True):
        assert torch.equal(ours, theirs)
    assert not torch.equal(runs[0][0], start[0])


@pytest.mark.parametrize(
    ("count", "options"),
    [(0, {}), (1, {"lr": -1.0}), (1, {"eps": -1.0}), (1, {"betas": (0.9, 1.0)})],
)
def test_what_torch_refuses_is_refused(count: int, options: dict) -> None:
    for kind in (BlockedAdam, torch.optim.Adam):
        with pytest.raises(ValueError):
            kind([torch.nn.Parameter(torch.zeros(1)) for _ in range(count)], **options)
