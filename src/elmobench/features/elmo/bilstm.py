"""ELMo's bidirectional LSTM with projection and clipping."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from elmobench.features.elmo.options import LstmOptions
from elmobench.features.elmo.packed_rows import PackedRows
from elmobench.features.elmo.threads import run_in_threads
from elmobench.features.frozen_linear import FrozenLinear

# Maximum number of values of one step's gates, and of one run of steps in one direction. They
# limit the memory.
_GATE_VALUES: Final = 1 << 22
_RUN_VALUES: Final = 1 << 22
_MOST_ROWS: Final = 512


@dataclass(frozen=True)
class LstmLayer:
    """Weights of one layer in one direction.

    Attributes:
        gates: (2P, 4C) weights from the concatenated input and state to the input, forget and
            output gates and the candidate; the forget gate's +1 is part of its bias.
        projection: (C, P) weights.
    """

    gates: FrozenLinear
    projection: FrozenLinear


State = tuple[Tensor, Tensor]
"""Projected state (S, P) and cells (S, C) of one layer in one direction."""

Directions = tuple[tuple[LstmLayer, ...], tuple[LstmLayer, ...]]


@dataclass(frozen=True)
class BiLstm:
    """Both directions of all layers, with frozen weights.

    Attributes:
        options: sizes, clips and skip connections.
        directions: layers of the forward and of the backward direction.
        dtype: of products; cells and outputs are always float32.
    """

    options: LstmOptions
    directions: Directions
    dtype: torch.dtype = torch.float32

    @property
    def rows(self) -> int:
        """Maximum number of rows of a packed batch."""
        return max(1, min(_MOST_ROWS, _GATE_VALUES // (4 * self.options.dim)))

    def __call__(
        self,
        embed: Callable[[Tensor], Tensor],
        count: int,
        packed: PackedRows,
        initial: list[list[State]],
    ) -> tuple[list[Tensor], list[list[State]]]:
        """Run a batch of sentences through all layers.

        States are passed from one run of time steps to the next, so that the memory beyond the
        result is bounded even for very long sentences.

        Args:
            embed: maps sentence-order positions (n,) to token vectors (n, P).
            count: number N of positions, sentence boundaries included.
            packed: the layout.
            initial: states from which every sentence starts, by direction and layer: one row for
                all sentences, or one per packed row if each row is one sentence.

        Returns:
            One (N, 2P) float32 output per layer (forward, then backward) in sentence order, and
            the final state of each row, by direction and layer.
        """
        p = self.options.projection_dim
        outputs = [torch.empty((count, 2 * p), dtype=torch.float32) for _ in self.directions[0]]

        def run(direction: int) -> list[State]:
            halves = [out[:, direction * p : (direction + 1) * p] for out in outputs]
            return self._run_direction(direction, embed, packed, initial[direction], halves)

        return outputs, run_in_threads(run, 2)

    def zero_states(self, rows: int = 1) -> list[list[State]]:
        """Return states of zeros for ``rows`` rows; one row serves for all sentences."""
        c, p = self.options.dim, self.options.projection_dim
        kind: dict[str, Any] = {"dtype": torch.float32}
        return [
            [(torch.zeros((rows, p), **kind), torch.zeros((rows, c), **kind)) for _ in layers]
            for layers in self.directions
        ]

    def _run_direction(
        self,
        direction: int,
        embed: Callable[[Tensor], Tensor],
        packed: PackedRows,
        initial: list[State],
        outputs: list[Tensor],
    ) -> list[State]:
        """Run all layers of one direction; fill ``outputs`` and return the final states."""
        layers = self.directions[direction]
        cells = [
            _Cell(layer, start, packed.rows, self)
            for layer, start in zip(layers, initial, strict=True)
        ]
        most = max(1, _RUN_VALUES // (2 * self.options.projection_dim))
        for positions, steps in packed.chunks(most):
            read = packed.reads[direction][positions]
            inputs = embed(read)
            for i, (cell, out) in enumerate(zip(cells, outputs, strict=True)):
                states = cell.run(inputs, packed, steps)
                if i and self.options.use_skip_connections:
                    # The residual is added to the output, never to the recurrent state.
                    states.add_(inputs)
                out.index_copy_(0, read, states)
                inputs = states
        return [(cell.h, cell.c) for cell in cells]


class _Cell:
    """The running state of one layer in one direction.

    Attributes:
        h: (S, P) clipped projected states, which are both the output and the recurrent state.
        c: (S, C) cells.
    """

    def __init__(self, layer: LstmLayer, start: State, rows: int, lstm: BiLstm) -> None:
        self._layer = layer
        self._start = start
        self._options = lstm.options
        self._dtype = lstm.dtype
        self.h = torch.empty((rows, lstm.options.projection_dim), dtype=torch.float32)
        self.c = torch.empty((rows, lstm.options.dim), dtype=torch.float32)
        self._squashed = torch.empty_like(self.c)
        self._exposed = torch.empty_like(self.c, dtype=self._dtype)

    def run(self, inputs: Tensor, packed: PackedRows, steps: range) -> Tensor:
        """Map the (n, P) inputs of these time steps, in packed order, to (n, P) outputs."""
        p, h = self._options.projection_dim, self.h
        joined = torch.empty((len(inputs), 2 * p), dtype=self._dtype)
        joined[:, :p] = inputs
        out = torch.empty((len(inputs), p), dtype=torch.float32)
        at = 0
        for step in steps:
            rows = packed.batch_sizes[step]
            begun = packed.starts[step]
            if begun is not None:
                self._begin(begun)
            here = joined[at : at + rows]
            here[:, p:] = h[:rows]
            exposed = self._advance(self._layer.gates(here), rows)
            projected = self._layer.projection(exposed)
            if self._options.proj_clip is not None:
                projected.clamp_(-self._options.proj_clip, self._options.proj_clip)
            h[:rows] = projected
            out[at : at + rows] = projected
            at += rows
        return out

    def _begin(self, rows: Tensor) -> None:
        """Reset the state of ``rows`` to the state at the beginning of a sentence."""
        h, c = self._start
        shared = len(h) == 1
        self.h[rows] = h if shared else h[rows]
        self.c[rows] = c if shared else c[rows]

    def _advance(self, z: Tensor, rows: int) -> Tensor:
        """Map the gates before activation, (rows, 4C), to the LSTM's output, (rows, C).

        ``c = clip(σ(i)·tanh(j) + σ(f)·c)``, output ``σ(o)·tanh(c)``; computed in place, without
        allocations.
        """
        n = self._options.dim
        z[:, : 3 * n].sigmoid_()
        candidate = z[:, 3 * n :].tanh_()
        c = self.c[:rows]
        c.mul_(z[:, n : 2 * n]).addcmul_(z[:, :n], candidate)
        if self._options.cell_clip is not None:
            c.clamp_(-self._options.cell_clip, self._options.cell_clip)
        squashed, exposed = self._squashed[:rows], self._exposed[:rows]
        torch.tanh(c, out=squashed)
        return torch.mul(squashed, z[:, 2 * n : 3 * n], out=exposed)
