"""The training LSTM compared with its definition in a loop and autograd."""

from __future__ import annotations

import pytest
import torch

from elmobench.pretraining.bilm.clipped_lstm import clipped_lstm

T, B, P, C = 6, 3, 4, 7


def tensors(scale: float = 1.0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = [(T, B, P), (B, P), (B, C), (2 * P, 4 * C), (4 * C,), (C, P)]
    return [
        (torch.randn(shape, generator=generator, dtype=torch.float64) * scale) for shape in shapes
    ]


def by_definition(x, h, c, weight, bias, projection, cell_clip, proj_clip):
    outputs = []
    for step in x:
        i, j, f, o = (torch.cat([step, h], dim=1) @ weight + bias).split(C, dim=1)
        c = torch.sigmoid(f + 1) * c + torch.sigmoid(i) * torch.tanh(j)
        if cell_clip is not None:
            c = c.clamp(-cell_clip, cell_clip)
        h = (torch.sigmoid(o) * torch.tanh(c)) @ projection
        if proj_clip is not None:
            h = h.clamp(-proj_clip, proj_clip)
        outputs.append(h)
    return torch.stack(outputs), h, c


@pytest.mark.parametrize("clips", [(0.7, 0.9), (3.0, None), (None, 0.5), (None, None)])
def test_values_and_gradients(clips: tuple[float | None, float | None]) -> None:
    ours, theirs = tensors(), tensors()
    for given in (ours, theirs):
        for i in (0, 3, 4, 5):
            given[i].requires_grad_()
    x, h0, c0, *rest = theirs
    expected, h, c = by_definition(x, h0, c0, *rest, *clips)
    cell_clip, proj_clip = clips
    out, (last_h, last_c) = clipped_lstm(
        ours[0], (ours[1], ours[2]), *ours[3:], cell_clip=cell_clip, proj_clip=proj_clip
    )
    torch.testing.assert_close(out, expected)
    torch.testing.assert_close(last_h, h)
    torch.testing.assert_close(last_c, c)
    if clips[0] is not None and clips[1] is not None:
        # Both clips take effect here, each on some of the values.
        assert 0 < int((c.abs() == clips[0]).sum()) < c.numel()
        assert 0 < int((expected.abs() == clips[1]).sum()) < expected.numel()
    direction = torch.randn(expected.shape, dtype=torch.float64)
    (out * direction).sum().backward()
    (expected * direction).sum().backward()
    for i in (0, 3, 4, 5):
        torch.testing.assert_close(ours[i].grad, theirs[i].grad)


def test_no_gradient_reaches_the_window_before() -> None:
    given = tensors()
    for tensor in given:
        tensor.requires_grad_()
    out, (h, c) = clipped_lstm(
        given[0], (given[1], given[2]), *given[3:], cell_clip=3.0, proj_clip=3.0
    )
    out.sum().backward()
    assert given[1].grad is None
    assert given[2].grad is None
    assert not h.requires_grad
    assert not c.requires_grad
