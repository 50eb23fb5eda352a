"""Clipping of gradients, against torch's own functions."""

from __future__ import annotations

import pytest
import torch

from elmobench.tasks.head import TrainingOptions
from elmobench.training.model_run import clip


@pytest.mark.parametrize("scale", [0.1, 30.0, torch.nan])
@pytest.mark.parametrize("options", [{}, {"clip_norm": None}, {"clip_value": 0.5}])
def test_equal_to_torch_to_the_bit(scale: float, options: dict) -> None:
    runs = []
    for ours in (True, False):
        noise = torch.Generator().manual_seed(3)
        parameters = [torch.nn.Parameter(torch.zeros(size)) for size in ((3, 4), (), (5,), (2,))]
        for parameter in parameters[:3]:
            parameter.grad = scale * torch.randn(parameter.shape, generator=noise)
        given = TrainingOptions(**options)
        if ours:
            clip(parameters, given)
        else:
            if given.clip_value is not None:
                torch.nn.utils.clip_grad_value_(parameters, given.clip_value)
            if given.clip_norm is not None:
                torch.nn.utils.clip_grad_norm_(parameters, given.clip_norm)
        runs.append([parameter.grad for parameter in parameters[:3]])
    for own, expected in zip(*runs, strict=True):
        assert torch.equal(own.nan_to_num(7.0), expected.nan_to_num(7.0))
