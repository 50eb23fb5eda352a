"""An LSTM with projection and both of ELMo's clips, with a hand-written gradient for CPUs.

``z = [x, h] W + b``; gates in the order of the weight file: input i, candidate j, forget f,
output o; ``c = clip(σ(f + 1) c₋₁ + σ(i) tanh(j))``, ``h = clip((σ(o) tanh(c)) P)``. The clipped
projection is the recurrent state. Source: bilm-tf's LSTMCell with ``cell_clip`` and ``proj_clip``.

The gradient is written by hand because autograd would keep a graph node for each of a dozen
operations per step, and would allocate a gradient of full size for each slice of the inputs.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

FORGET_BIAS = 1.0


class _ClippedLstm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        h0: Tensor,
        c0: Tensor,
        weight: Tensor,
        bias: Tensor,
        projection: Tensor,
        cell_clip: float,
        proj_clip: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        steps, rows, width = x.shape
        cells = projection.shape[0]
        candidate = slice(cells, 2 * cells)
        # tanh(j) = 2 σ(2j) − 1: so all gates take one pass, and σ is the faster function.
        doubled, shifted = weight.clone(), bias.clone()
        doubled[:, candidate] *= 2
        shifted[candidate] *= 2
        shifted[2 * cells : 3 * cells] += FORGET_BIAS
        # Input and state in one row: a step is one product, and its gates stay in the cache.
        xh = x.new_empty(steps + 1, rows, weight.shape[0])
        xh[:-1, :, :width] = x
        h = xh[:, :, width:]
        c = x.new_empty(steps + 1, rows, cells)
        gates = x.new_empty(steps, rows, 4 * cells)
        tanh_c = x.new_empty(steps, rows, cells)
        m = x.new_empty(steps, rows, cells)
        c[0], h[0] = c0, h0
        for t in range(steps):
            i, j, f, o = gates[t].chunk(4, dim=1)
            torch.addmm(shifted, xh[t], doubled, out=gates[t]).sigmoid_()
            j.mul_(2).sub_(1)
            torch.mul(f, c[t], out=c[t + 1])
            c[t + 1].addcmul_(i, j).clamp_(-cell_clip, cell_clip)
            torch.mul(c[t + 1], 2, out=tanh_c[t]).sigmoid_().mul_(2).sub_(1)
            torch.mul(o, tanh_c[t], out=m[t])
            torch.mm(m[t], projection, out=h[t + 1]).clamp_(-proj_clip, proj_clip)
        ctx.save_for_backward(weight, projection, gates, c, tanh_c, m, xh)
        ctx.clips = (cell_clip, proj_clip)
        last_h, last_c = h[-1].clone(), c[-1].clone()
        ctx.mark_non_differentiable(last_h, last_c)
        return h[1:].contiguous(), last_h, last_c

    @staticmethod
    def backward(ctx: Any, dout: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        weight, projection, gates, c, tanh_c, m, xh = ctx.saved_tensors
        cell_clip, proj_clip = ctx.clips
        steps, rows, cells = m.shape
        inputs, p = weight.shape[0], projection.shape[1]
        h = xh[1:, :, inputs - p :]
        dxh = xh.new_empty(steps, rows, inputs)
        dprojected = xh.new_empty(steps, rows, p)
        dh = xh.new_zeros(rows, p)
        dc = xh.new_zeros(rows, cells)
        dm = xh.new_empty(rows, cells)
        dgates = xh.new_empty(rows, 4 * cells)
        di, dj, df, do = dgates.chunk(4, dim=1)
        back = torch.ops.aten
        for t in range(steps - 1, -1, -1):
            # From here on, gates[t] holds the gradient of the gates' pre-activations.
            i, j, f, o = gates[t].chunk(4, dim=1)
            # Clipped values pass no gradient on.
            torch.add(dh, dout[t], out=dprojected[t])
            back.hardtanh_backward.grad_input(
                dprojected[t], h[t], -proj_clip, proj_clip, grad_input=dprojected[t]
            )
            torch.mm(dprojected[t], projection.t(), out=dm)
            torch.mul(dm, tanh_c[t], out=do)
            dm.mul_(o)
            back.tanh_backward.grad_input(dm, tanh_c[t], grad_input=dm)
            dc.add_(dm)
            back.hardtanh_backward.grad_input(dc, c[t + 1], -cell_clip, cell_clip, grad_input=dc)
            torch.mul(dc, j, out=di)
            torch.mul(dc, i, out=dj)
            torch.mul(dc, c[t], out=df)
            dc.mul_(f)
            back.sigmoid_backward.grad_input(di, i, grad_input=i)
            back.tanh_backward.grad_input(dj, j, grad_input=j)
            f_and_o = gates[t, :, 2 * cells :]
            back.sigmoid_backward.grad_input(dgates[:, 2 * cells :], f_and_o, grad_input=f_and_o)
            torch.mm(gates[t], weight.t(), out=dxh[t])
            dh = dxh[t, :, inputs - p :]
        dz = gates.view(-1, 4 * cells)
        dweight = torch.mm(xh[:-1].view(-1, inputs).t(), dz)
        dprojection = torch.mm(m.view(-1, cells).t(), dprojected.view(-1, p))
        dx = dxh[:, :, : inputs - p] if ctx.needs_input_grad[0] else None
        return dx, None, None, dweight, dz.sum(0), dprojection, None, None


def clipped_lstm(
    x: Tensor,
    state: tuple[Tensor, Tensor],
    weight: Tensor,
    bias: Tensor,
    projection: Tensor,
    *,
    cell_clip: float | None,
    proj_clip: float | None,
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Run one layer in one direction over a window of text.

    Args:
        x: (T, B, P) inputs.
        state: (B, P) projected state and (B, C) cells before the first step. They receive no
            gradient: back-propagation is truncated here.
        weight: (2P, 4C), input rows first, then recurrent rows.
        bias: (4C,); 1 is added to the forget gate's.
        projection: (C, P).
        cell_clip: largest absolute value of a cell; None for no clip.
        proj_clip: largest absolute value of a projected state; None for no clip.

    Returns:
        (T, B, P) outputs, and the state after the last step.
    """
    infinity = float("inf")
    out, h, c = _ClippedLstm.apply(  # type: ignore[no-untyped-call]
        x,
        *state,
        weight,
        bias,
        projection,
        infinity if cell_clip is None else cell_clip,
        infinity if proj_clip is None else proj_clip,
    )
    return out, (h, c)
