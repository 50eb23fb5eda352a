"""ELMo's bidirectional LSTM with projection and clipping."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from elmobench.features.elmo.options import LstmOptions
from elmobench.features.elmo.packing import Packing

# Bounds the memory of the input product: values of one block of gates.
_BLOCK_VALUES = 1 << 22


@dataclass(frozen=True)
class LstmLayer:
    """Weights of one layer in one direction. The four gates are input, forget, output, candidate.

    Attributes:
        from_input: (P, 4C).
        from_state: (P, 4C).
        bias: (4C,), the forget gate's +1 included.
        projection: (C, P).
    """

    from_input: Tensor
    from_state: Tensor
    bias: Tensor
    projection: Tensor


State = tuple[Tensor, Tensor]
"""Projected state (B, P) and cells (B, C) of one layer in one direction."""


@dataclass(frozen=True)
class BiLstm:
    """Both directions of all layers, with frozen weights.

    Attributes:
        options: sizes, clips and skip connections.
        directions: layers of the forward and of the backward direction.
    """

    options: LstmOptions
    directions: tuple[tuple[LstmLayer, ...], tuple[LstmLayer, ...]]

    def __call__(
        self, x: Tensor, packing: Packing, states: list[list[State]]
    ) -> tuple[list[Tensor], list[list[State]]]:
        """Run packed token vectors through all layers.

        Args:
            x: (N, P) token vectors in packed order, sentence boundaries included.
            packing: the layout of ``x``.
            states: initial states by direction and layer; B rows, in the packing's order.

        Returns:
            One (N, 2P) output a layer (forward, then backward), in packed order, and the final
            states by direction and layer.
        """
        outputs: list[list[Tensor]] = []
        finals: list[list[State]] = []
        for backward, layers in enumerate(self.directions):
            inputs = x[packing.reverse] if backward else x
            outputs.append([])
            finals.append([])
            for i, layer in enumerate(layers):
                out, final = self._run(inputs, layer, packing, states[backward][i])
                if i and self.options.use_skip_connections:
                    # The residual joins the output, never the recurrence.
                    out.add_(inputs)
                outputs[-1].append(out[packing.reverse] if backward else out)
                finals[-1].append(final)
                inputs = out
        return [torch.cat(pair, dim=1) for pair in zip(*outputs, strict=True)], finals

    def zero_states(self, rows: int) -> list[list[State]]:
        """Zeros for ``rows`` rows."""
        c, p = self.options.dim, self.options.projection_dim
        return [
            [
                (
                    torch.zeros(rows, p, dtype=torch.float32),
                    torch.zeros(rows, c, dtype=torch.float32),
                )
                for _ in layers
            ]
            for layers in self.directions
        ]

    def _run(
        self, x: Tensor, layer: LstmLayer, packing: Packing, state: State
    ) -> tuple[Tensor, State]:
        """One layer, one direction: (N, P) to (N, P), and the final state of every row."""
        cells = self.options.dim
        h, c = state[0], state[1].clone()
        out = torch.empty((x.shape[0], self.options.projection_dim), dtype=x.dtype)
        for begin, end, steps in _blocks(packing.batch_sizes, 4 * cells):
            gates = torch.addmm(layer.bias, x[begin:end], layer.from_input)
            at = 0
            for rows in steps:
                z = gates[at : at + rows].addmm_(h[:rows], layer.from_state)
                z[:, : 3 * cells].sigmoid_()
                candidate = z[:, 3 * cells :].tanh_()
                live = c[:rows]
                live.mul_(z[:, cells : 2 * cells]).addcmul_(z[:, :cells], candidate)
                if self.options.cell_clip is not None:
                    live.clamp_(-self.options.cell_clip, self.options.cell_clip)
                exposed = torch.tanh(live).mul_(z[:, 2 * cells : 3 * cells])
                # The clipped projection is both the output and what recurs.
                h = torch.mm(exposed, layer.projection, out=out[begin + at : begin + at + rows])
                if self.options.proj_clip is not None:
                    h.clamp_(-self.options.proj_clip, self.options.proj_clip)
                at += rows
        return out, (out[packing.last], c)


def _blocks(batch_sizes: tuple[int, ...], width: int) -> Iterator[tuple[int, int, list[int]]]:
    """Runs of time steps whose gates fit the memory bound: begin, end and rows a step."""
    limit = max(1, _BLOCK_VALUES // width)
    begin = end = 0
    steps: list[int] = []
    for rows in batch_sizes:
        if steps and end + rows - begin > limit:
            yield begin, end, steps
            begin, steps = end, []
        steps.append(rows)
        end += rows
    if steps:
        yield begin, end, steps
