"""ELMo on a GPU: distance from the CPU's vectors, tokens per second, share of the card's limit.

The limit is the rate of large products on the card, in fp32 without TF32 and in bf16.
"""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.elmo_speed import SHAPES, english, seconds, shape
from benchmarks.elmo_work import cnn_work, lstm_work
from elmobench.core.errors import DownloadError
from elmobench.features.elmo.provider import Arithmetic, ElmoProvider
from elmobench.training.devices import use_device

_SIDE = 8192


def peak(dtype: torch.dtype) -> float:
    """Operations a second of a product of two large square matrices."""
    a = torch.randn(_SIDE, _SIDE, device="cuda").to(dtype)
    best = float("inf")
    for _ in range(5):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        a @ a
        end.record()
        end.synchronize()
        best = min(best, start.elapsed_time(end) / 1000)
    return 2.0 * _SIDE**3 / best


def main() -> None:
    if not torch.cuda.is_available():
        print("skipped: no CUDA device")
        return
    use_device("cuda")  # without TF32, which cuDNN would use
    try:
        sentences = english(100_000)
    except DownloadError as error:
        print(f"skipped, no data: {error}")
        return
    tokens = sum(map(len, sentences))
    print(f"{torch.cuda.get_device_name()}, {len(sentences)} sentences, {tokens} tokens")
    precisions: tuple[tuple[Arithmetic, torch.dtype], ...] = (
        ("fp32", torch.float32),
        ("bf16", torch.bfloat16),
    )
    for name in SHAPES:
        options = shape(name)
        work = sum(lstm_work(options, sentences).values()) + sum(
            cnn_work(options, sentences).values()
        )
        exact = ElmoProvider.random(options).encode(sentences[:50])
        for arithmetic, dtype in precisions:
            provider = ElmoProvider.random(options, arithmetic=arithmetic, device="cuda")
            found = provider.encode(sentences[:50])
            off = max(np.abs(a - b).max(initial=0) for a, b in zip(exact, found, strict=True))
            taken = seconds(provider, sentences, runs=3)
            print(
                f"{name} {arithmetic}: {tokens / taken:,.0f} tokens/s, "
                f"{work / taken / peak(dtype):.1%} of the card's best product, "
                f"at most {off:.1e} from the CPU's fp32 vectors",
                flush=True,
            )
