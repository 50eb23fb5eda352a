"""The alternating LSTM with highway connections of He et al. (2017), optimised for CPUs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from elmobench.nn.full_precision import in_full_precision
from elmobench.nn.packed_steps import step_slices

_GATES = 5
"""Input, forget, output and highway gate, then the candidate; blocks of H in this order."""


class AlternatingHighwayLstm(nn.Module):
    """(B, T, D) and (B, T) mask to (B, T, hidden): layers read forwards and backwards in turn.

    Source: He, Lee, Lewis and Zettlemoyer (2017), "Deep Semantic Role Labeling: What Works and
    What's Next", section 2.1. With x the input of a layer, h and c the previous states::

        i, f, o, r = σ(W x + U h + b)        g = tanh(W x + U h + b)
        c' = i g + f c                        h' = z (r o tanh(c') + (1 - r) V x)

    r is the highway gate and z the recurrent dropout: one mask per sentence and layer, the same for
    all steps. The first layer reads forwards. Initial weights are orthogonal in each block, biases
    zero, those of forget gates one, as in the published code (AllenNLP 0.9). With ``input_bias``
    W x and V x have biases too, which start as those of a linear layer of torch.

    Rows are packed by length, so padding costs no time and does not affect the result; its output
    is zero. W x and V x are one product per layer for all steps, U h is one product per step for
    all gates. The gradient is written by hand so that the gradient of U is one product per layer.

    Args:
        input_dim: D.
        hidden: units per layer.
        layers: number of layers.
        dropout: probability of the recurrent dropout z.
        input_bias: whether the products of the input have a bias, of 6 · hidden values per layer.
    """

    def __init__(
        self,
        input_dim: int,
        hidden: int,
        layers: int,
        dropout: float = 0.0,
        *,
        input_bias: bool = False,
    ) -> None:
        super().__init__()
        self.out_dim = hidden
        self.dropout = dropout
        widths = [input_dim, *[hidden] * (layers - 1)]
        self.inputs = nn.ParameterList(
            nn.Parameter(_orthogonal(_GATES + 1, hidden, width)) for width in widths
        )
        self.states = nn.ParameterList(
            nn.Parameter(_orthogonal(_GATES, hidden, hidden)) for _ in widths
        )
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(_GATES * hidden)) for _ in widths)
        with torch.no_grad():
            for bias in self.biases:
                bias[hidden : 2 * hidden] = 1.0
        self.input_biases: nn.ParameterList | None = None
        if input_bias:
            self.input_biases = nn.ParameterList(
                nn.Parameter(torch.empty((_GATES + 1) * hidden).uniform_(-1, 1) / width**0.5)
                for width in widths
            )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, T, hidden) states of (B, T, D) ``x``.

        The (B, T) bool mask is true at real tokens, all of them on the left.
        """
        batch, time, _ = x.shape
        positions, sizes = _packing(mask)
        hidden: Tensor = x.flatten(0, 1)[positions]
        if sizes:
            weights = zip(self.inputs, self.states, self.biases, strict=True)
            for layer, (w, u, b) in enumerate(weights):
                bias = F.pad(b, (0, self.out_dim))
                if self.input_biases is not None:
                    bias = bias + self.input_biases[layer]
                projected = F.linear(hidden, w, bias)
                keep = None
                if self.training and self.dropout > 0:
                    keep = x.new_empty(sizes[0], self.out_dim).bernoulli_(1 - self.dropout)
                    keep = keep / (1 - self.dropout)
                hidden = in_full_precision(_Scan, projected, u, keep, sizes, layer % 2 == 1)
        else:
            hidden = hidden[:, :1].expand(-1, self.out_dim)
        out = x.new_zeros(batch * time, self.out_dim).index_copy(0, positions, hidden)
        return out.view(batch, time, self.out_dim)


def _orthogonal(blocks: int, rows: int, columns: int) -> Tensor:
    return torch.cat([nn.init.orthogonal_(torch.empty(rows, columns)) for _ in range(blocks)])


def _packing(mask: Tensor) -> tuple[Tensor, list[int]]:
    """The (N,) positions of real tokens in (B · T), and the number of rows at each step.

    Positions are ordered by step, then by decreasing length of the row.
    """
    time = mask.shape[1]
    order = mask.sum(dim=1).argsort(descending=True, stable=True)
    step, rank = mask[order].t().nonzero(as_tuple=True)
    sizes = [size for size in mask.sum(dim=0).tolist() if size]
    return order[rank] * time + step, sizes


class _Scan(torch.autograd.Function):
    """One layer over packed rows: (N, 6 H) projected inputs to (N, H) outputs."""

    @staticmethod
    def forward(
        ctx: Any,
        projected: Tensor,
        weight: Tensor,
        keep: Tensor | None,
        sizes: Sequence[int],
        backwards: bool,
    ) -> Tensor:
        width = weight.shape[1]
        # A copy, which is changed in place; a slice of a single row would share its memory.
        gates = projected[:, : _GATES * width].clone(memory_format=torch.contiguous_format)
        skip = projected[:, _GATES * width :]
        # States before each step, packed; rows that have not started stay zero.
        h_before, c_before = (skip.new_zeros(skip.shape) for _ in range(2))
        tanh_c, out = (torch.empty_like(h_before) for _ in range(2))
        h, c = (skip.new_zeros(sizes[0], width) for _ in range(2))
        steps = step_slices(sizes)
        transposed = weight.t()
        for here, n in reversed(steps) if backwards else steps:
            h_before[here], c_before[here] = h[:n], c[:n]
            gate = gates[here]
            gate.addmm_(h[:n], transposed)
            gate[:, : 4 * width].sigmoid_()
            gate[:, 4 * width :].tanh_()
            i, f, o, r, g = gate.chunk(_GATES, dim=1)
            torch.addcmul(i * g, f, c[:n], out=c[:n])
            tanh = torch.tanh(c[:n], out=tanh_c[here])
            y = torch.lerp(skip[here], o * tanh, r)
            if keep is not None:
                y *= keep[:n]
            h[:n] = y
            out[here] = y
        ctx.save_for_backward(weight, keep, gates, skip, tanh_c, h_before, c_before)
        ctx.steps, ctx.backwards = steps, backwards
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        weight, keep, gates, skip, tanh_c, h_before, c_before = ctx.saved_tensors
        width = weight.shape[1]
        d_projected = grad.new_empty(len(grad), (_GATES + 1) * width)
        d_gates, d_skip = d_projected[:, : _GATES * width], d_projected[:, _GATES * width :]
        d_h, d_c = (grad.new_zeros(ctx.steps[0][1], width) for _ in range(2))
        for here, n in ctx.steps if ctx.backwards else reversed(ctx.steps):
            i, f, o, r, g = gates[here].chunk(_GATES, dim=1)
            tanh = tanh_c[here]
            d_y = grad[here] + d_h[:n]
            if keep is not None:
                d_y *= keep[:n]
            d_inner = d_y * r
            d_cell = d_c[:n] + d_inner * o * (1 - tanh * tanh)
            d_skip[here] = d_y - d_inner
            d_gate = d_gates[here]
            for k, (gate, value) in enumerate(
                (
                    (i, d_cell * g),
                    (f, d_cell * c_before[here]),
                    (o, d_inner * tanh),
                    (r, d_y * (o * tanh - skip[here])),
                )
            ):
                d_gate[:, k * width : (k + 1) * width] = value * gate * (1 - gate)
            d_gate[:, 4 * width :] = d_cell * i * (1 - g * g)
            torch.mul(d_cell, f, out=d_c[:n])
            torch.mm(d_gate, weight, out=d_h[:n])
        return d_projected, d_gates.t() @ h_before, None, None, None
