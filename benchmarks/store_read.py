"""Does a batch from the store cost no more than converting its bytes?

Batches of 64 sentences from a store whose pages are in memory, against the same number of values
in one piece in memory: fp16 by ``np.copyto`` into float32, and (faster) what this precision needs
by torch, into an array that is there already. Both have the batch's padded shape.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from elmobench.features.provider import FeatureProvider, FloatArray, Layer
from elmobench.features.store.feature_store import FeatureStore
from elmobench.features.store.precision import Precision
from elmobench.features.store.stored_features import StoredView

SENTENCES, BATCH, BATCHES, ROUNDS = 1500, 64, 12, 7
PRECISIONS: tuple[Precision, ...] = ("fp16", "int8", "fp32")


class Noise(FeatureProvider):
    """The layers of an ELMo with ``dim`` values, filled with noise."""

    name = "noise"
    parameters = 0

    def __init__(self, dim: int) -> None:
        self.layers = (
            Layer("char_cnn", "type", dim // 2, repeat=2),
            Layer("lstm_1", "token", dim),
            Layer("lstm_2", "token", dim),
        )
        self._noise = np.random.default_rng(dim)

    @property
    def fingerprint(self) -> str:
        return f"{self.dim:064x}"

    def encode_types(self, words: Sequence[str]) -> list[FloatArray]:
        return [self._noise.standard_normal((len(words), self.dim // 2), dtype=np.float32)]

    def encode_tokens(self, sentences: Sequence[Sequence[str]]) -> list[list[FloatArray]]:
        return [
            list(self._noise.standard_normal((2, len(s), self.dim), dtype=np.float32))
            for s in sentences
        ]


def main() -> None:
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.lognormal(2.8, 0.5, SENTENCES), 1, 80).astype(int)
    sentences = [tuple(f"w{i}" for i in rng.zipf(1.3, n) % 5000) for n in lengths]
    order = np.argsort(lengths, kind="stable")
    starts = rng.permutation(SENTENCES - BATCH)[:BATCHES]
    # As training does: of similar length, in no order; and one that is not sorted at all.
    batches = [rng.permutation(order[start : start + BATCH]) for start in starts]
    mixed = [rng.permutation(SENTENCES)[:BATCH] for _ in range(BATCHES)]
    print(f"{torch.get_num_threads()} threads; ratios: np.copyto of fp16 / torch's conversion")
    print("  D  precision    all layers       one layer   all, mixed lengths")
    for dim in (1024, 256):
        for precision in PRECISIONS:
            with tempfile.TemporaryDirectory() as folder:
                store, provider = FeatureStore(Path(folder), precision), Noise(dim)
                store.build(provider, sentences)
                view = store.open(provider).view(sentences)
                cells = [
                    _ratios(view, batches, dim, precision, None),
                    _ratios(view, batches, dim, precision, [1]),
                    _ratios(view, mixed, dim, precision, None),
                ]
            print(
                f"{dim:5d} {precision:>6} " + "".join(f"   {a:5.2f} / {b:5.2f}" for a, b in cells)
            )


def _ratios(
    view: StoredView,
    batches: Sequence[Any],
    dim: int,
    precision: Precision,
    layers: list[int] | None,
) -> tuple[float, float]:
    """Time of gathering by that of the two references, measured in turns."""
    shapes = [view.gather(batch, layers).shape for batch in batches]
    out = [np.empty(shape, dtype=np.float32) for shape in shapes]
    half = [np.ones(shape, dtype=np.float16) for shape in shapes]
    dtype = {"fp16": torch.float16, "fp32": torch.float32, "int8": torch.int8}[precision]
    stored = [torch.ones(shape).to(dtype) for shape in shapes]
    scales = [torch.ones(*shape[:3], 1) for shape in shapes]

    def gather() -> None:
        for batch in batches:
            view.gather(batch, layers)

    def copy() -> None:
        for target, source in zip(out, half, strict=True):
            np.copyto(target, source)

    def convert() -> None:
        for target, source, scale in zip(out, stored, scales, strict=True):
            tensor = torch.from_numpy(target).copy_(source)
            if precision == "int8":
                tensor.mul_(scale)

    taken: dict[Callable[[], None], list[float]] = {gather: [], copy: [], convert: []}
    for _ in range(ROUNDS):
        for work, times in taken.items():
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
    median = {work: statistics.median(times) for work, times in taken.items()}
    return median[gather] / median[copy], median[gather] / median[convert]


if __name__ == "__main__":
    main()
