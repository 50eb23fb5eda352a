"""Our Adam is torch's, to the bit."""

from __future__ import annotations

import itertools

import pytest
import torch

from elmobench.training import adam
from elmobench.training.adam import BlockedAdam, step_together


@pytest.mark.parametrize("options", [{}, {"betas": (0.8, 0.99), "eps": 1e-6}, {"eps": 1e-20}])
def test_equal_to_torch_to_the_bit(options: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adam, "SMALL", 400)
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
                elif i % 2:
                    # Squares from zero through numbers that have no normal form to large ones.
                    parameter.grad[::2] *= 0.0
                    parameter.grad[1::4] *= 10.0 ** (-24 + step)
            optimizer.step()
            optimizer.param_groups[0]["lr"] *= 0.7
        runs.append(parameters)
    for ours, theirs in zip(*runs, strict=True):
        assert torch.equal(ours, theirs)
    assert not torch.equal(runs[0][0], start[0])


def test_together_as_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adam, "SMALL", 10)
    options = [{"lr": 0.1}, {"lr": 0.03}, {"lr": 0.1, "betas": (0.8, 0.99)}]
    runs = []
    for together in (True, False):
        noise = torch.Generator().manual_seed(1)
        sizes = ((7,), (4, 5), ())
        parameters = [
            [torch.nn.Parameter(torch.randn(size, generator=noise)) for size in sizes]
            for _ in options
        ]
        optimizers = [
            BlockedAdam(own, **given) for own, given in zip(parameters, options, strict=True)
        ]
        for step in range(3):
            for parameter in itertools.chain(*parameters):
                parameter.grad = torch.randn(parameter.shape, generator=noise)
            # A model that has ended takes no more steps.
            going = optimizers[: 3 - (step == 2)]
            if together:
                step_together(going)
            else:
                for optimizer in going:
                    optimizer.step()
        runs.append([*itertools.chain(*parameters)])
    for ours, theirs in zip(*runs, strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    ("count", "options"),
    [(0, {}), (1, {"lr": -1.0}), (1, {"eps": -1.0}), (1, {"betas": (0.9, 1.0)})],
)
def test_what_torch_refuses_is_refused(count: int, options: dict) -> None:
    for kind in (BlockedAdam, torch.optim.Adam):
        with pytest.raises(ValueError):
            kind([torch.nn.Parameter(torch.zeros(1)) for _ in range(count)], **options)
