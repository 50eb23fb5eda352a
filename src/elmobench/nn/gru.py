"""Two GRUs side by side on the CPU, with their gradient written out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class _Gru(torch.autograd.Function):
    """States (T, 2, B, H) of two GRUs (torch's equations) that start at zero.

    torch runs a GRU on the CPU as a dozen small operations a step and direction, and twice as many
    on the way back. Here both directions share each operation, and everything that does not
    depend on the step before is done for all steps at once.
    """

    @staticmethod
    def forward(ctx: Any, gates: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Run both.

        Args:
            gates: (T, 2, B, 3H) what the inputs add to reset, update and candidate.
            weight: (2, H, 3H) from the state before to the three.
            bias: (2, 1, 3H).
        """
        steps, _, batch, width = gates.shape
        hidden = width // 3
        state = gates.new_zeros(2, batch, hidden)
        states = gates.new_empty(steps, 2, batch, hidden)
        switches = gates.new_empty(steps, 2, batch, 2 * hidden)  # reset and update
        candidates = torch.empty_like(states)
        recurrent = torch.empty_like(states)  # what the state adds to the candidate, before reset
        for to_switch, to_candidate, switch, reset, update, inner, candidate, following in zip(
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
            torch.add(to_switch, product[:, :, : 2 * hidden], out=switch).sigmoid_()
            inner.copy_(product[:, :, 2 * hidden :])
            torch.addcmul(to_candidate, reset, inner, out=candidate).tanh_()
            torch.lerp(candidate, state, update, out=following)
            state = following
        ctx.save_for_backward(weight, states, switches, candidates, recurrent)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gradients of gates, weight and bias."""
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
        for g, to_c, to_r, to_u, opened, kept, into_c, into, into_r, into_u, into_s in reversed(
            list(rows)
        ):
            flow = flow + g
            torch.mul(flow, to_c, out=into_c)
            torch.mul(into_c, to_r, out=into_r)
            torch.mul(flow, to_u, out=into_u)
            torch.mul(into_c, opened, out=into_s)
            flow = torch.baddbmm(flow * kept, into, back)
        gates = torch.cat([inner[..., : 2 * hidden], candidate], dim=-1)
        by_side = inner.transpose(0, 1).reshape(2, steps * batch, 3 * hidden)
        stood = before.transpose(0, 1).reshape(2, steps * batch, hidden)
        return gates, stood.transpose(1, 2) @ by_side, by_side.sum(dim=1, keepdim=True)


def two_grus(inputs: tuple[Tensor, Tensor], grus: tuple[torch.nn.GRU, torch.nn.GRU]) -> Tensor:
    """States (T, 2, B, H) of two one-layer GRUs, each over its own (B, T, D)."""
    parameters = [dict(gru.named_parameters()) for gru in grus]
    gates = [
        torch.nn.functional.linear(x, own["weight_ih_l0"], own["bias_ih_l0"])
        for x, own in zip(inputs, parameters, strict=True)
    ]
    weight = torch.stack([own["weight_hh_l0"].t() for own in parameters])
    bias = torch.stack([own["bias_hh_l0"].unsqueeze(0) for own in parameters])
    laid = torch.stack(gates).permute(2, 0, 1, 3).contiguous()
    states: Tensor = _Gru.apply(laid, weight, bias)  # type: ignore[no-untyped-call]
    return states
