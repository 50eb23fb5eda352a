"""An LSTM with projection and both of ELMo's clips, forward and backward, fast on a processor.

``z = [x, h] W + b``; gates in the order of the weight file: input i, candidate j, forget f,
output o; ``c = clip(σ(f + 1) c₋₁ + σ(i) tanh(j))``, ``h = clip((σ(o) tanh(c)) P)``. The clipped
projection is what recurs. Source: bilm-tf's LSTMCell with ``cell_clip`` and ``proj_clip``.

Gradients are written out by hand: autograd would keep a graph node for each of a dozen operations
a step, and slices of the inputs would each be given a gradient of full size.
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
        shifted = bias.clone()
        shifted[2 * cells : 3 * cells] += FORGET_BIAS
        recurrent = weight[width:]
        z = torch.addmm(shifted, x.reshape(-1, width), weight[:width]).view(steps, rows, -1)
        c = x.new_empty(steps + 1, rows, cells)
        h = x.new_empty(steps + 1, rows, h0.shape[1])
        tanh_c = x.new_empty(steps, rows, cells)
        m = x.new_empty(steps, rows, cells)
        c[0], h[0] = c0, h0
        for t in range(steps):
            gates = z[t].addmm_(h[t], recurrent)
            i = gates[:, :cells].sigmoid_()
            j = gates[:, cells : 2 * cells].tanh_()
            f_and_o = gates[:, 2 * cells :].sigmoid_()
            torch.mul(f_and_o[:, :cells], c[t], out=c[t + 1])
            c[t + 1].addcmul_(i, j).clamp_(-cell_clip, cell_clip)
            torch.tanh(c[t + 1], out=tanh_c[t])
            torch.mul(f_and_o[:, cells:], tanh_c[t], out=m[t])
            torch.mm(m[t], projection, out=h[t + 1]).clamp_(-proj_clip, proj_clip)
        ctx.save_for_backward(x, weight, projection, z, c, tanh_c, m, h)
        ctx.clips = (cell_clip, proj_clip)
        last_h, last_c = h[-1].clone(), c[-1].clone()
        ctx.mark_non_differentiable(last_h, last_c)
        return h[1:].clone(), last_h, last_c

    @staticmethod
    def backward(ctx: Any, dout: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, projection, gates, c, tanh_c, m, h = ctx.saved_tensors
        cell_clip, proj_clip = ctx.clips
        steps, rows, width = x.shape
        cells = projection.shape[0]
        recurrent_t, projection_t = weight[width:].t(), projection.t()
        dz = torch.empty_like(gates)
        # The gradient of the projected state, where the clip let it through.
        dh_all = (h[1:].abs() < proj_clip).to(x.dtype)
        dh = x.new_zeros(rows, h.shape[2])
        dc = x.new_zeros(rows, cells)
        dm = x.new_empty(rows, cells)
        back = torch.ops.aten
        for t in range(steps - 1, -1, -1):
            i, j, f, o = gates[t].chunk(4, dim=1)
            di, dj, df, do = dz[t].chunk(4, dim=1)
            dh_t = dh_all[t].mul_(dh.add_(dout[t]))
            torch.mm(dh_t, projection_t, out=dm)
            torch.mul(dm, tanh_c[t], out=do)
            # dc += dm · o · (1 − tanh² c), where the cell's clip let it through.
            dm.mul_(o)
            dc.add_(back.tanh_backward(dm, tanh_c[t]))
            dc.masked_fill_(c[t + 1].abs() >= cell_clip, 0.0)
            torch.mul(dc, j, out=di)
            torch.mul(dc, i, out=dj)
            torch.mul(dc, c[t], out=df)
            dc.mul_(f)
            back.sigmoid_backward.grad_input(di, i, grad_input=di)
            back.tanh_backward.grad_input(dj, j, grad_input=dj)
            f_and_o, df_and_do = gates[t][:, 2 * cells :], dz[t][:, 2 * cells :]
            back.sigmoid_backward.grad_input(df_and_do, f_and_o, grad_input=df_and_do)
            torch.mm(dz[t], recurrent_t, out=dh)
        flat = dz.view(-1, 4 * cells)
        dx = torch.mm(flat, weight[:width].t()).view_as(x) if ctx.needs_input_grad[0] else None
        dweight = torch.empty_like(weight)
        torch.mm(x.reshape(-1, width).t(), flat, out=dweight[:width])
        torch.mm(h[:-1].reshape(-1, h.shape[2]).t(), flat, out=dweight[width:])
        dprojection = torch.mm(m.view(-1, cells).t(), dh_all.view(-1, h.shape[2]))
        return dx, None, None, dweight, flat.sum(0), dprojection, None, None


def clipped_lstm(
    x: Tensor,
    state: tuple[Tensor, Tensor],
    weight: Tensor,
    bias: Tensor,
    projection: Tensor,
    cell_clip: float | None,
    proj_clip: float | None,
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Run one layer in one direction over a stretch of text.

    Args:
        x: (T, B, P) inputs.
        state: (B, P) projected state and (B, C) cells before the first step. No gradient goes
            back into them: back-propagation is truncated here.
        weight: (2P, 4C), input rows before recurrent ones.
        bias: (4C,); one is added for the forget gate.
        projection: (C, P).
        cell_clip, proj_clip: bounds; None for none.

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
