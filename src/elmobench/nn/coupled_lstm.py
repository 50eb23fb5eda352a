"""The biLSTM of end-to-end coreference resolution: one gate for input and forgetting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from elmobench.nn.full_precision import in_full_precision
from elmobench.nn.glorot import glorot_uniform_
from elmobench.nn.packed_steps import step_slices

_GATES = 3
"""Input gate, candidate, output gate; blocks of H in this order."""


class CoupledBiLstm(nn.Module):
    """(N, D) tokens of B sentences to their (N, 2·hidden) states, forward half first.

    With x the input of a layer, h and c the previous states and z the recurrent dropout::

        i, o = σ(W x + U (z h) + b)        g = tanh(W x + U (z h) + b)
        c' = (1 - i) c + i g               h' = o tanh(c')

    The forget gate is 1 - i. h and c start at learned values. z is one mask per sentence, layer and
    direction, the same for all steps. Dropout with the same rate follows each layer; from the
    second layer on, a gate r = σ(V y + a) mixes its result y with the layer's input:
    r y + (1 - r) x.

    Source: Lee et al. (2017), section 4, and (2018), section 4; the published code (e2e-coref,
    ``CustomLSTMCell`` and ``lstm_contextualize``). There, W and U are one matrix with orthonormal
    columns in each block of H (2018), or W is drawn uniformly and U in orthonormal blocks, each
    with a bias (2017: ``separate``). All other weights are drawn by :func:`glorot_uniform_`.

    A sentence's states do not depend on the other sentences. Both directions run together, without
    padding, and the gradient is written by hand, so that the gradient of U is one product.

    Args:
        input_dim: D.
        hidden: units per direction.
        layers: number of layers.
        dropout: rate of both dropouts.
        separate: whether inputs and states have weights and biases of their own.
    """

    def __init__(
        self, input_dim: int, hidden: int, layers: int, dropout: float, *, separate: bool
    ) -> None:
        super().__init__()
        self.out_dim = 2 * hidden
        widths = [input_dim, *[2 * hidden] * (layers - 1)]
        self.layers = nn.ModuleList(_Layer(width, hidden, dropout, separate) for width in widths)
        self.highways = nn.ModuleList(nn.Linear(2 * hidden, 2 * hidden) for _ in widths[1:])
        self.highways.apply(glorot_uniform_)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, lengths: Sequence[int]) -> Tensor:
        """(N, 2·hidden) states of the (N, D) tokens of sentences with these ``lengths``."""
        if not len(x):
            return x.new_zeros(0, self.out_dim)
        packing = _Packing(lengths, x.device)
        for number, layer in enumerate(self.layers):
            states: Tensor = self.dropout(layer(x, packing))
            if number:
                gate = torch.sigmoid(self.highways[number - 1](states))
                states = torch.lerp(x, states, gate)
            x = states
        return x


class _Packing:
    """Tokens ordered by step, then by decreasing length of their sentence.

    Attributes:
        sizes: number of sentences at each step.
        order: (2, N) the tokens as the forward and the backward direction read them.
        inverse: (2, N) the places of all tokens in the rows of ``order``.
        sentences: number of sentences.
    """

    def __init__(self, lengths: Sequence[int], device: torch.device) -> None:
        length = torch.tensor(list(lengths), device=device)
        start = length.cumsum(0) - length
        rows = length.argsort(descending=True, stable=True)
        real = torch.arange(int(length.max()), device=device).unsqueeze(1) < length[rows]
        step, rank = real.nonzero(as_tuple=True)
        row = rows[rank]
        self.sizes = [size for size in real.sum(dim=1).tolist() if size]
        self.order = torch.stack([start[row] + step, start[row] + length[row] - 1 - step])
        self.inverse = self.order.argsort(dim=1)
        self.sentences = len(length)


class _Layer(nn.Module):
    """Both directions of a layer. The first axis of each parameter is the direction."""

    recurrent_bias: nn.Parameter | None

    def __init__(self, width: int, hidden: int, dropout: float, separate: bool) -> None:
        super().__init__()
        self.hidden = hidden
        self.rate = dropout
        self.inputs = nn.Parameter(torch.empty(2, width, _GATES * hidden))
        self.recurrent = nn.Parameter(torch.empty(2, hidden, _GATES * hidden))
        self.bias = nn.Parameter(torch.empty(2, 1, _GATES * hidden))
        state_bias = nn.Parameter(torch.empty(2, 1, _GATES * hidden)) if separate else None
        self.register_parameter("recurrent_bias", state_bias)
        self.first_state = nn.Parameter(torch.empty(2, 1, hidden))
        self.first_cell = nn.Parameter(torch.empty(2, 1, hidden))
        for direction in range(2):
            self._draw(direction, separate)

    @torch.no_grad()
    def _draw(self, direction: int, separate: bool) -> None:
        glorot_uniform_(self.inputs[direction])
        glorot_uniform_(self.bias[direction, 0])
        if self.recurrent_bias is not None:
            glorot_uniform_(self.recurrent_bias[direction, 0])
        glorot_uniform_(self.first_state[direction])
        glorot_uniform_(self.first_cell[direction])
        width, hidden = self.inputs.shape[1], self.hidden
        for block in range(_GATES):
            columns = slice(block * hidden, (block + 1) * hidden)
            rows = hidden if separate else width + hidden
            drawn = nn.init.orthogonal_(torch.empty(rows, hidden))
            self.recurrent[direction, :, columns] = drawn[-hidden:]
            if not separate:
                self.inputs[direction, :, columns] = drawn[:width]

    def forward(self, x: Tensor, packing: _Packing) -> Tensor:
        bias = self.bias if self.recurrent_bias is None else self.bias + self.recurrent_bias
        projected = torch.baddbmm(bias, x[packing.order], self.inputs)
        keep = None
        if self.training and self.rate:
            ones = x.new_ones(2, packing.sentences, self.hidden)
            keep = nn.functional.dropout(ones, self.rate)
        states = in_full_precision(
            _Scan, projected, self.recurrent, self.first_state, self.first_cell, keep, packing.sizes
        )
        both = [states[i][packing.inverse[i]] for i in range(2)]
        return torch.cat(both, dim=1)


class _Scan(torch.autograd.Function):
    """One layer over packed sentences: (2, N, 3 H) projected inputs to (2, N, H) states."""

    @staticmethod
    def forward(
        ctx: Any,
        projected: Tensor,
        weight: Tensor,
        first_state: Tensor,
        first_cell: Tensor,
        keep: Tensor | None,
        sizes: Sequence[int],
    ) -> Tensor:
        width = weight.shape[1]
        gates = projected.clone()
        # States before each step; those of h with the recurrent dropout.
        h_before, c_before, tanh_c, out = (
            gates.new_empty(2, gates.shape[1], width) for _ in range(4)
        )
        h, c = (first.repeat(1, sizes[0], 1) for first in (first_state, first_cell))
        steps = step_slices(sizes)
        for here, n in steps:
            h_before[:, here] = h[:, :n] if keep is None else h[:, :n] * keep[:, :n]
            c_before[:, here] = c[:, :n]
            gate = gates[:, here]
            gate.baddbmm_(h_before[:, here], weight)
            i, g, o = gate.chunk(_GATES, dim=2)
            i.sigmoid_()
            g.tanh_()
            o.sigmoid_()
            c[:, :n] = torch.lerp(c[:, :n], g, i)
            tanh_c[:, here] = torch.tanh(c[:, :n])
            h[:, :n] = o * tanh_c[:, here]
            out[:, here] = h[:, :n]
        ctx.save_for_backward(weight, keep, gates, tanh_c, h_before, c_before)
        ctx.steps = steps
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        weight, keep, gates, tanh_c, h_before, c_before = ctx.saved_tensors
        sentences, width = ctx.steps[0][1], weight.shape[1]
        d_gates = torch.empty_like(gates)
        d_h, d_c = (grad.new_zeros(2, sentences, width) for _ in range(2))
        back = weight.transpose(1, 2)
        for here, n in reversed(ctx.steps):
            i, g, o = gates[:, here].chunk(_GATES, dim=2)
            tanh, before = tanh_c[:, here], c_before[:, here]
            d_y = grad[:, here] + d_h[:, :n]
            d_cell = d_c[:, :n] + d_y * o * (1 - tanh * tanh)
            d_i, d_g, d_o = d_gates[:, here].chunk(_GATES, dim=2)
            d_i.copy_(d_cell * (g - before) * i * (1 - i))
            d_g.copy_(d_cell * i * (1 - g * g))
            d_o.copy_(d_y * tanh * o * (1 - o))
            d_c[:, :n] = d_cell * (1 - i)
            into_h = torch.bmm(d_gates[:, here], back)
            d_h[:, :n] = into_h if keep is None else into_h * keep[:, :n]
        d_weight = torch.bmm(h_before.transpose(1, 2), d_gates)
        return (
            d_gates,
            d_weight,
            d_h.sum(dim=1, keepdim=True),
            d_c.sum(dim=1, keepdim=True),
            None,
            None,
        )
