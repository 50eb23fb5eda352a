"""How much arithmetic ELMo does, and how fast the machine could do it at best."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from elmobench.data.examples import Sentence
from elmobench.features.elmo.characters import character_ids
from elmobench.features.elmo.options import ElmoOptions
from elmobench.features.frozen_linear import FrozenLinear

Work = dict[tuple[int, int], float]
"""Floating-point operations by the matrix that a product is made with, (K, N)."""


def lstm_work(options: ElmoOptions, sentences: Sequence[Sentence]) -> Work:
    """Products of the biLSTM, with the sentences' boundaries: two operations a multiply-add."""
    positions = sum(len(sentence) + 2 for sentence in sentences)
    c, p = options.lstm.dim, options.lstm.projection_dim
    layers = 2 * options.lstm.n_layers
    shapes = ((2 * p, 4 * c), (c, p))
    return {(k, n): 2.0 * k * n * positions * layers for k, n in shapes}


def cnn_work(options: ElmoOptions, sentences: Sequence[Sentence]) -> Work:
    """Products of the character CNN, once a word type, without windows of mere padding."""
    cnn = options.char_cnn
    words = sorted({word for sentence in sentences for word in sentence})
    _, sizes = character_ids(words, cnn.max_characters_per_token)
    work: Work = {}

    def add(k: int, n: int, rows: int) -> None:
        work[k, n] = work.get((k, n), 0) + 2.0 * k * n * rows

    for width, count in cnn.filters:
        add(width * cnn.embedding.dim, count, int((sizes + 1).sum()))
    for _ in range(2 * cnn.n_highway):
        add(cnn.n_filters, cnn.n_filters, len(words))
    add(cnn.n_filters, options.lstm.projection_dim, len(words))
    return work


def best_rate(k: int, n: int, rows: int, threads: int, dtype: torch.dtype) -> tuple[float, str]:
    """Operations a second of the fastest (rows, k) × (k, n) product that PyTorch offers here.

    Tried are MKL's and oneDNN's, with all threads in one product, and with a product a thread.

    Returns:
        The rate, and which product it was.
    """
    torch.manual_seed(0)
    weight = torch.randn(k, n)
    x = torch.randn(rows, k).to(dtype)
    plain, transposed = weight.to(dtype), weight.t().contiguous().to(dtype)
    packed = FrozenLinear(weight, dtype=dtype)
    out = torch.empty(rows, n, dtype=dtype)
    candidates: dict[str, Callable[[], Tensor]] = {
        "mm": lambda: torch.mm(x, plain, out=out),
        "linear": lambda: torch.nn.functional.linear(x, transposed),
        "packed": lambda: packed(x),
    }
    operations = 2.0 * rows * k * n
    best = (0.0, "")
    with torch.inference_mode():
        for name, product in candidates.items():
            for each in (1, threads) if threads > 1 else (1,):
                rate = threads // each * operations / _seconds(product, each, threads // each)
                best = max(best, (rate, f"{name}, {threads // each} × {each} threads"))
    torch.set_num_threads(threads)
    return best


def _seconds(product: Callable[[], Tensor], threads: int, copies: int) -> float:
    """Best time of one product, ``copies`` of them at once with ``threads`` threads each."""

    def repeat(times: int) -> None:
        torch.set_num_threads(threads)
        with torch.inference_mode():
            for _ in range(times):
                product()

    with ThreadPoolExecutor(copies) as pool:
        list(pool.map(repeat, [2] * copies))
        times, best = 3, float("inf")
        for _ in range(5):
            start = time.perf_counter()
            list(pool.map(repeat, [times] * copies))
            best = min(best, (time.perf_counter() - start) / times)
    return best
