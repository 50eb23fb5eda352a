"""ELMo's biLSTM for a GPU: both directions in one product, runs of time steps as one CUDA graph.

A time step of one direction is too little work for a GPU: launching its operations takes longer
than the operations. Therefore both directions run as one batched product, the input part of the
gates is one product per run of steps, and a run is recorded once as a CUDA graph and replayed.
Without a GPU the same code runs without recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from elmobench.features.elmo.bilstm import State
from elmobench.features.elmo.options import LstmOptions
from elmobench.features.elmo.packed_rows import PackedRows

# Steps of one recording, and rows of one product. Rows are padded to a multiple, so that few
# recordings suffice for all batches.
_RUN_STEPS: Final = 16
_MOST_ROWS: Final = 256
_ROW_MULTIPLE: Final = 32


@dataclass(frozen=True)
class FusedLayer:
    """Weights of one layer in both directions, forward first.

    Attributes:
        inputs: (2, P, 4C) weights from the input to the input, forget and output gates and the
            candidate.
        recurrent: (2, P, 4C) weights from the state to the same.
        bias: (2, 1, 4C), including the forget gate's +1.
        projection: (2, C, P) weights.
    """

    inputs: Tensor
    recurrent: Tensor
    bias: Tensor
    projection: Tensor


class FusedBiLstm:
    """Both directions of all layers; the same computation and interface as :class:`BiLstm`.

    Args:
        options: sizes, clips and skip connections.
        layers: weights, all of one dtype (float32 or bfloat16) on one device. Cells and outputs
            are always float32.
    """

    def __init__(self, options: LstmOptions, layers: tuple[FusedLayer, ...]) -> None:
        self.options = options
        self.layers = layers
        self.device = layers[0].inputs.device
        self.dtype = layers[0].inputs.dtype
        self._runs: dict[int, list[_Run]] = {}

    @property
    def rows(self) -> int:
        """Maximum number of rows of a packed batch."""
        return _MOST_ROWS

    def zero_states(self, rows: int = 1) -> list[list[State]]:
        """Return states of zeros for ``rows`` rows; one row serves for all sentences."""
        c, p = self.options.dim, self.options.projection_dim
        kind: dict[str, Any] = {"dtype": torch.float32, "device": self.device}
        return [
            [(torch.zeros((rows, p), **kind), torch.zeros((rows, c), **kind)) for _ in self.layers]
            for _ in range(2)
        ]

    def __call__(
        self,
        embed: Callable[[Tensor], Tensor],
        count: int,
        packed: PackedRows,
        initial: list[list[State]],
    ) -> tuple[list[Tensor], list[list[State]]]:
        """See :meth:`BiLstm.__call__`; the outputs stay on the device."""
        p = self.options.projection_dim
        outputs = [
            torch.empty((count, 2 * p), dtype=torch.float32, device=self.device)
            for _ in self.layers
        ]
        rows = -(-packed.rows // _ROW_MULTIPLE) * _ROW_MULTIPLE
        if rows not in self._runs:
            self._runs[rows] = [_Run(layer, rows, self.options) for layer in self.layers]
        runs = self._runs[rows]
        for i, run in enumerate(runs):
            run.start_from([direction[i] for direction in initial], packed.rows)
        for reads, live, begins in self._grids(packed, rows):
            x = embed(reads.flatten()).view(2, _RUN_STEPS, rows, p)
            for i, (run, output) in enumerate(zip(runs, outputs, strict=True)):
                states = run(x, live, begins)
                if i and self.options.use_skip_connections:
                    # The residual is added to the output, never to the recurrent state.
                    states = states + x
                for direction in range(2):
                    half = output[:, direction * p : (direction + 1) * p]
                    half[reads[direction][live]] = states[direction][live]
                x = states
        finals = [
            [(run.h[d, : packed.rows].clone(), run.c[d, : packed.rows].clone()) for run in runs]
            for d in range(2)
        ]
        return outputs, finals

    def _grids(self, packed: PackedRows, rows: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Split the time steps into runs of K steps, padded to full (K, S) grids.

        Yields:
            (2, K, S) sentence-order position that each element reads in each direction, 0 at
            padding; (K, S) whether the element is a position; (K, S) whether a sentence begins
            there.
        """
        steps = len(packed.batch_sizes)
        height = -(-steps // _RUN_STEPS) * _RUN_STEPS
        sizes = torch.tensor([*packed.batch_sizes, *[0] * (height - steps)])
        live = torch.arange(rows) < sizes[:, None]
        reads = torch.zeros((2, height, rows), dtype=torch.int64)
        for direction in range(2):
            reads[direction][live] = packed.reads[direction]
        begins = torch.zeros((height, rows), dtype=torch.bool)
        for step, begun in enumerate(packed.starts):
            if begun is not None:
                begins[step, begun] = True
        reads, live, begins = (t.to(self.device) for t in (reads, live, begins))
        for first in range(0, height, _RUN_STEPS):
            here = slice(first, first + _RUN_STEPS)
            yield reads[:, here], live[here], begins[here]


class _Run:
    """A run of time steps of one layer, over S rows in both directions.

    Attributes:
        h: (2, S, P) projected states, clipped.
        c: (2, S, C) cells.
    """

    def __init__(self, layer: FusedLayer, rows: int, options: LstmOptions) -> None:
        self._layer = layer
        self._options = options
        p, n = options.projection_dim, options.dim
        device, dtype = layer.inputs.device, layer.inputs.dtype
        self.h = torch.zeros((2, rows, p), dtype=torch.float32, device=device)
        self.c = torch.zeros((2, rows, n), dtype=torch.float32, device=device)
        self._h0 = torch.zeros_like(self.h)
        self._c0 = torch.zeros_like(self.c)
        # Inputs and outputs of a recording must keep their addresses.
        self._gates = torch.zeros((2, _RUN_STEPS, rows, 4 * n), device=device, dtype=dtype)
        self._live = torch.zeros((_RUN_STEPS, rows, 1), device=device, dtype=torch.bool)
        self._begins = torch.zeros_like(self._live)
        self._out = torch.zeros((2, _RUN_STEPS, rows, p), dtype=torch.float32, device=device)
        self._steps = _recorded(self._run_steps, device)

    def start_from(self, initial: list[State], rows: int) -> None:
        """Set the initial states of sentences, by direction: one row for all, or one per row."""
        for direction, (h, c) in enumerate(initial):
            self._h0[direction, :rows] = h
            self._c0[direction, :rows] = c

    def __call__(self, x: Tensor, live: Tensor, begins: Tensor) -> Tensor:
        """Map (2, K, S, P) inputs and (K, S) masks to outputs, undefined where not ``live``."""
        dtype = self._layer.inputs.dtype
        product = torch.baddbmm(self._layer.bias, x.flatten(1, 2).to(dtype), self._layer.inputs)
        self._gates.copy_(product.view_as(self._gates))
        self._live.copy_(live.unsqueeze(-1))
        self._begins.copy_(begins.unsqueeze(-1))
        self._steps()
        return self._out.clone()

    def _run_steps(self) -> None:
        n, options = self._options.dim, self._options
        dtype = self._layer.inputs.dtype
        for step in range(_RUN_STEPS):
            begins, live = self._begins[step], self._live[step]
            h = torch.where(begins, self._h0, self.h)
            c = torch.where(begins, self._c0, self.c)
            z = torch.baddbmm(self._gates[:, step], h.to(dtype), self._layer.recurrent)
            gates = z[..., : 3 * n].sigmoid()
            candidate = z[..., 3 * n :].tanh()
            new = c * gates[..., n : 2 * n] + gates[..., :n] * candidate
            if options.cell_clip is not None:
                new = new.clamp(-options.cell_clip, options.cell_clip)
            exposed = (new.tanh() * gates[..., 2 * n :]).to(dtype)
            projected = torch.bmm(exposed, self._layer.projection).float()
            if options.proj_clip is not None:
                projected = projected.clamp(-options.proj_clip, options.proj_clip)
            self._out[:, step] = projected
            # A row that has ended keeps its last state.
            self.h.copy_(torch.where(live, projected, h))
            self.c.copy_(torch.where(live, new, c))


def _recorded(body: Callable[[], None], device: torch.device) -> Callable[[], None]:
    """Record ``body`` as a CUDA graph, which uses the same addresses again; unchanged on a CPU."""
    if device.type != "cuda":
        return body
    side_stream: Any = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    side_stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(side_stream):
        for _ in range(3):  # warm-up: libraries allocate workspaces at first use
            body()
    torch.cuda.current_stream(device).wait_stream(side_stream)
    graph = torch.cuda.CUDAGraph()
    # Other threads of the program, such as a data loader's, may allocate memory meanwhile.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        body()
    replay: Callable[[], None] = graph.replay
    return replay
