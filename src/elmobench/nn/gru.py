"""Two GRUs that run together on the CPU, with a hand-written gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from elmobench.nn.full_precision import in_full_precision


class _Gru(torch.autograd.Function):
    """States (T, 2, B, H) of two GRUs (torch's equations) that start at zero.

    On the CPU torch runs a GRU as a dozen small operations per step and direction, and twice as
    many in the backward pass. Here both GRUs share each operation, and everything that does not
    depend on the previous step is computed for all steps at once.
    """

    @staticmethod
    def forward(ctx: Any, gates: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Run both GRUs.

        Args:
            gates: (T, 2, B, 3H) contributions of the inputs to reset gate, update gate and
                candidate.
            weight: (2, H, 3H) from the previous state to the same three.
            bias: (2, 1, 3H) bias of the recurrent product.
        """
        steps, _, batch, width = gates.shape
        hidden = width // 3
        state = gates.new_zeros(2, batch, hidden)
        states = gates.new_empty(steps, 2, batch, hidden)
        switches = gates.new_empty(steps, 2, batch, 2 * hidden)  # reset and update
        candidates = torch.empty_like(states)
        recurrent = torch.empty_like(
            states
        )  # contribution of the state to the candidate, before the reset gate
        for gate_input, candidate_input, switch, reset, update, inner, candidate, following in zip(
            gates[..., : 2 * hidden].unbind(),
            gates[..., 2 * hidden :].unbind(),
            switches.unbind(),
            switches[..., :hidden].unbind(),
            switches[..., hidden:].unbind(),
            recurrent.unbind(),
            candidates.unbind(),
            states.unbind(),
            strict=True,
        ):
            product = torch.baddbmm(bias, state, weight)
            torch.add(gate_input, product[:, :, : 2 * hidden], out=switch).sigmoid_()
            inner.copy_(product[:, :, 2 * hidden :])
            torch.addcmul(candidate_input, reset, inner, out=candidate).tanh_()
            torch.lerp(candidate, state, update, out=following)
            state = following
        ctx.save_for_backward(weight, states, switches, candidates, recurrent)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gradients of gates, weight and bias, in their shapes."""
        weight, states, switches, candidates, recurrent = ctx.saved_tensors
        steps, _, batch, hidden = states.shape
        before = torch.cat([torch.zeros_like(states[:1]), states[:-1]])
        reset, update = switches[..., :hidden], switches[..., hidden:]
        to_candidate = (1 - update) * (1 - candidates * candidates)
        to_update = (before - candidates) * update * (1 - update)
        to_reset = recurrent * reset * (1 - reset)
        back = weight.transpose(1, 2).contiguous()
        inner = gradient.new_empty(steps, 2, batch, 3 * hidden)
        candidate = torch.empty_like(states)
        flow = torch.zeros_like(states[0])
        rows = zip(
            gradient.unbind(),
            to_candidate.unbind(),
            to_reset.unbind(),
            to_update.unbind(),
            reset.contiguous().unbind(),
            update.contiguous().unbind(),
            candidate.unbind(),
            inner.unbind(),
            *(inner[..., i * hidden : (i + 1) * hidden].unbind() for i in range(3)),
            strict=True,
        )
        for g, to_c, to_r, to_u, r, u, d_candidate, d_inner, d_reset, d_update, d_state in reversed(
            list(rows)
        ):
            flow = flow + g
            torch.mul(flow, to_c, out=d_candidate)
            torch.mul(d_candidate, to_r, out=d_reset)
            torch.mul(flow, to_u, out=d_update)
            torch.mul(d_candidate, r, out=d_state)
            flow = torch.baddbmm(flow * u, d_inner, back)
        gates = torch.cat([inner[..., : 2 * hidden], candidate], dim=-1)
        inner = inner.transpose(0, 1).reshape(2, steps * batch, 3 * hidden)
        before = before.transpose(0, 1).reshape(2, steps * batch, hidden)
        return gates, before.transpose(1, 2) @ inner, inner.sum(dim=1, keepdim=True)


def two_grus(inputs: tuple[Tensor, Tensor], grus: tuple[torch.nn.GRU, torch.nn.GRU]) -> Tensor:
    """Run two one-layer GRUs, each on its own (B, T, D) input.

    Returns:
        (T, 2, B, H) states.
    """
    parameters = [dict(gru.named_parameters()) for gru in grus]
    gates = [
        torch.nn.functional.linear(x, own["weight_ih_l0"], own["bias_ih_l0"])
        for x, own in zip(inputs, parameters, strict=True)
    ]
    weight = torch.stack([own["weight_hh_l0"].t() for own in parameters])
    bias = torch.stack([own["bias_hh_l0"].unsqueeze(0) for own in parameters])
    gates_by_step = torch.stack(gates).permute(2, 0, 1, 3).contiguous()
    return in_full_precision(_Gru, gates_by_step, weight, bias)
