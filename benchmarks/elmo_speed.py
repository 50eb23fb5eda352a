"""ELMo on a CPU: tokens per second, share of the machine's limit, and AllenNLP's speed.

About 4,000 tokens of English in 200 sentences, random weights of the published shapes. The limit
is the time that all matrix products of the same run would take at the rate of the best product of
these shapes that the machine makes, measured in between; so it is a bound for any implementation
that does this arithmetic with these libraries.
"""

from __future__ import annotations

import statistics
import time

import torch

import elmobench
from benchmarks.allennlp_peer import peer_rates
from benchmarks.elmo_work import best_rate, cnn_work, lstm_work
from elmobench.core.errors import DownloadError
from elmobench.data.examples import Sentence
from elmobench.features.allennlp.environment import built_environment
from elmobench.features.elmo.options import ElmoOptions, parse_options
from elmobench.features.elmo.packed_rows import pack_sentences
from elmobench.features.elmo.provider import ElmoProvider
from elmobench.features.frozen_linear import has_bfloat16

_FILTERS = [[1, 32], [2, 32], [3, 64], [4, 128], [5, 256], [6, 512], [7, 1024]]
SHAPES = {
    "original": {"dim": 4096, "projection_dim": 512, "n_highway": 2},
    "small": {"dim": 1024, "projection_dim": 128, "n_highway": 1},
}


def shape(name: str) -> ElmoOptions:
    """The options of a published shape."""
    sizes = SHAPES[name]
    return parse_options(
        {
            "char_cnn": {
                "embedding": {"dim": 16},
                "filters": _FILTERS,
                "n_highway": sizes["n_highway"],
            },
            "lstm": {
                "dim": sizes["dim"],
                "projection_dim": sizes["projection_dim"],
                "n_layers": 2,
                "cell_clip": 3.0,
                "proj_clip": 3.0,
                "use_skip_connections": True,
            },
        },
        name,
    )


def english(tokens: int) -> list[Sentence]:
    """Distinct sentences of a test set, as many as have about so many tokens."""
    found: dict[Sentence, None] = {}
    count = 0
    for example in elmobench.load_task("ner/uner-ewt").split("train"):
        if example.tokens not in found:
            found[example.tokens] = None
            count += len(example.tokens)
        if count >= tokens:
            break
    return list(found)


def seconds(provider: ElmoProvider, sentences: list[Sentence], runs: int = 5) -> float:
    """Median wall time of encoding all sentences, after a warm-up."""
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        provider.encode(sentences)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def limit_seconds(
    options: ElmoOptions, sentences: list[Sentence], rows: int, threads: int, dtype: torch.dtype
) -> tuple[float, float]:
    """Seconds that the arithmetic takes at the best rates of its shapes, and the operations.

    ``rows`` is that of the recurrent products; the CNN's have all they want.
    """
    total = operations = 0.0
    for work, height, kind in (
        (lstm_work(options, sentences), rows, dtype),
        (cnn_work(options, sentences), 1024, torch.float32),
    ):
        for (k, n), amount in work.items():
            rate, _ = best_rate(k, n, height, threads, kind)
            total += amount / rate
            operations += amount
    return total, operations


def main() -> None:
    threads = torch.get_num_threads()
    try:
        sentences = english(4000)
    except DownloadError as error:
        print(f"skipped, no data: {error}")
        return
    tokens = sum(map(len, sentences))
    print(f"{len(sentences)} sentences, {tokens} tokens, {threads} threads")
    if not has_bfloat16():
        print("no bf16: this processor multiplies it no faster than fp32")
    for name in SHAPES:
        options = shape(name)
        peer = _peer(name, options, sentences, threads)
        for arithmetic in ("fp32", "bf16") if has_bfloat16() else ("fp32",):
            dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[arithmetic]
            provider = ElmoProvider.random(options, arithmetic=arithmetic)
            rows = pack_sentences([len(s) + 2 for s in sentences], provider.rows).rows
            before, operations = limit_seconds(options, sentences, rows, threads, dtype)
            taken = seconds(provider, sentences)
            after, _ = limit_seconds(options, sentences, rows, threads, dtype)
            limit = min(before, after)
            print(
                f"{name} {arithmetic}: {taken:.3f} s, {tokens / taken:,.0f} tokens/s, "
                f"{operations / taken / 1e9:,.0f} of {operations / limit / 1e9:,.0f} GFLOP/s: "
                f"{limit / taken:.1%} of the limit at {rows} rows"
                + (f", {tokens / taken / peer:.1f} times AllenNLP" if peer else ""),
                flush=True,
            )


def _peer(name: str, options: ElmoOptions, sentences: list[Sentence], threads: int) -> float | None:
    """Tokens per second of AllenNLP with the batch size that suits it best."""
    if built_environment() is None:
        print("AllenNLP is not measured: `elmobench reference setup` builds its environment")
        return None
    rates = peer_rates(name, options, sentences, threads)
    shown = ", ".join(f"{rate:,.0f} at batch {size}" for size, rate in rates.items())
    print(f"{name}, AllenNLP: {shown} tokens/s", flush=True)
    return max(rates.values())
