"""The encoders of recurrent heads: share of what matrix products allow for their shapes.

A training step (forward and backward) of each encoder on one batch, next to its matrix products
alone: those of the inputs of all tokens, one per step of the state, and the gradients of each. Each
product is taken from the faster of two libraries, torch.mm (MKL) and oneDNN, whichever that is on
this processor. Processor seconds with one thread, medians of several rounds in turns. A share of
100 % would leave no time for gates. Inputs have the width of ELMo (1024) and GloVe (300), or of the
small models (256 and 64).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import nn

from elmobench.nn.coupled_lstm import CoupledBiLstm
from elmobench.nn.highway_lstm import AlternatingHighwayLstm
from elmobench.nn.recurrent import BiGru, BiLstm
from elmobench.training.machine import keep_memory

TIME, ROUNDS = 25, 7


@dataclass(frozen=True)
class Shape:
    """An encoder of a preset.

    Attributes:
        name: of the heads that use it.
        build: makes the encoder.
        batch: sentences per batch.
        width: values per token.
        hidden: units per direction.
        gates: products per unit with the input, and with the state.
        directions: per layer.
        layers: of the encoder.
    """

    name: str
    build: Callable[[int, int, int], nn.Module]
    batch: int
    width: int
    hidden: int
    gates: tuple[int, int]
    directions: int = 2
    layers: int = 1


SHAPES = (
    Shape("biLSTM 100 (ner/small)", BiLstm, 32, 384, 100, (4, 4)),
    Shape("biLSTM 200 x 2 (ner/paper)", BiLstm, 64, 1452, 200, (4, 4), layers=2),
    Shape("biLSTM 300 (nli/paper)", BiLstm, 32, 1324, 300, (4, 4)),
    Shape("biGRU 50 (qa/small)", BiGru, 64, 370, 50, (3, 3)),
    Shape("biGRU 90 (qa/paper)", BiGru, 45, 1424, 90, (3, 3)),
    Shape(
        "coupled biLSTM 200 (coref/paper)",
        lambda width, hidden, layers: CoupledBiLstm(width, hidden, layers, 0.0, separate=False),
        25,
        1474,
        200,
        (3, 3),
    ),
    Shape(
        "highway LSTM 300 x 8 (srl/paper)",
        lambda width, hidden, layers: AlternatingHighwayLstm(width, hidden, layers),
        80,
        1224,
        300,
        (6, 5),
        directions=1,
        layers=8,
    ),
)


def main() -> None:
    keep_memory()
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        print(f"{TIME} tokens per sentence; products / step, in processor seconds")
        for shape in SHAPES:
            step, products = _step(shape), _products(shape)
            taken: dict[Callable[[], None], list[float]] = {step: [], products: []}
            for _ in range(ROUNDS + 1):
                for work, times in taken.items():
                    start = time.process_time()
                    work()
                    times.append(time.process_time() - start)
            median = {work: statistics.median(times[1:]) for work, times in taken.items()}
            share = 100 * median[products] / median[step]
            print(
                f"{shape.name:34} step {1000 * median[step]:7.1f} ms   "
                f"products {1000 * median[products]:7.1f} ms   share {share:3.0f} %",
                flush=True,
            )
    finally:
        torch.set_num_threads(before)


def _step(shape: Shape) -> Callable[[], None]:
    """A training step of the encoder."""
    torch.manual_seed(0)
    encoder = shape.build(shape.width, shape.hidden, shape.layers)
    x = torch.randn(shape.batch, TIME, shape.width, requires_grad=True)
    if isinstance(encoder, CoupledBiLstm):
        lengths = [TIME] * shape.batch
        return lambda: encoder(x.flatten(0, 1), lengths).sum().backward()
    mask = torch.ones(shape.batch, TIME, dtype=torch.bool)
    return lambda: encoder(x, mask).sum().backward()


def _products(shape: Shape) -> Callable[[], None]:
    """Its matrix products, each with both gradients; that of the state's weights is one product."""
    calls: list[Callable[[], object]] = []

    def add(count: int, rows: int, inner: int, columns: int) -> None:
        calls.extend([_fastest(rows, inner, columns)] * count)

    outputs = shape.directions * shape.hidden
    tokens = shape.batch * TIME
    for layer in range(shape.layers):
        width = outputs if layer else shape.width
        inputs, states = (count * shape.hidden for count in shape.gates)
        for _ in range(shape.directions):
            add(1, tokens, width, inputs)
            add(1, tokens, inputs, width)
            add(1, width, tokens, inputs)
            add(TIME, shape.batch, shape.hidden, states)
            add(TIME, shape.batch, states, shape.hidden)
            add(1, shape.hidden, tokens, states)

    def run() -> None:
        for call in calls:
            call()

    return run


@cache
def _fastest(rows: int, inner: int, columns: int) -> Callable[[], object]:
    """The faster one of two products of this shape."""
    left, right = torch.randn(rows, inner), torch.randn(inner, columns)
    out, turned = torch.empty(rows, columns), right.t().contiguous()
    choices: list[Callable[[], object]] = [lambda: torch.mm(left, right, out=out)]
    if torch.backends.mkldnn.is_available():
        linear = torch.ops.mkldnn._linear_pointwise
        choices.append(lambda: linear(left, turned, None, "none", [], ""))
    repeats = max(3, int(1e8 / (rows * inner * columns)))
    return min(choices, key=lambda call: _seconds(call, repeats))


def _seconds(call: Callable[[], object], repeats: int) -> float:
    """Processor time of the fastest of three runs, after one to warm up."""
    times = []
    for _ in range(4):
        start = time.process_time()
        for _ in range(repeats):
            call()
        times.append(time.process_time() - start)
    return min(times[1:])


if __name__ == "__main__":
    main()
