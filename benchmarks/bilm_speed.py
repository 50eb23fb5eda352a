"""Training a biLM: tokens per second, and the share of what the machine's products allow.

The shape of the shipped model (2 × 512 cells, 128 values per direction, 512 filters), 128 rows, 20
steps, 2,048 negatives, 60,000 words, on the text of the shipped plan. A token counts once, although
both directions read it, as in bilm-tf. On two cores bilm-tf 1.15 made 1,300 tokens/s in the nearest
shape it was measured in (64 rows, 1,024 negatives, 13,000 words), on another processor.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.elmo_work import Work, best_rate
from elmobench.core import paths
from elmobench.core.errors import ConfigError
from elmobench.features.elmo.characters import character_ids
from elmobench.pretraining.bilm.options import BilmOptions
from elmobench.pretraining.bilm.train import BilmTrainer
from elmobench.pretraining.encoded import EncodedCorpus
from elmobench.pretraining.plan import open_corpus, read_plan

_THREADS = 2
_STEPS = 15


def step_work(model: BilmTrainer) -> Work:
    """Products of one step by the (K, N) of its forward pass; backward there are two as large."""
    options = model.options
    c, p = options.lstm.dim, options.lstm.projection_dim
    positions, layers = options.positions_per_step, 2 * options.lstm.n_layers
    work: Work = {}

    def add(k: int, n: int, rows: float) -> None:
        work[k, n] = work.get((k, n), 0.0) + 3 * 2.0 * k * n * rows

    add(p, 4 * c, 2 * positions * layers)  # input and recurrence
    add(c, p, positions * layers)
    add(p, options.n_negative_samples_batch, 2 * positions)
    batches = model.epoch_text(0).window(0, options.unroll_steps)
    types = np.unique(np.concatenate([inputs for inputs, _ in batches]))
    cnn = options.char_cnn
    words = [model.corpus.types.words[i] for i in types]
    _, sizes = character_ids(words, cnn.max_characters_per_token)
    for width, count in cnn.filters:
        add(width * cnn.embedding.dim, count, float((sizes + 1).sum()))
    for _ in range(2 * cnn.n_highway):
        add(cnn.n_filters, cnn.n_filters, len(types))
    add(cnn.n_filters, p, len(types))
    return work


def main() -> None:
    file = paths.builtin("experiments") / "pretrain" / "mini.yaml"
    plan = read_plan(file)
    try:
        corpus = open_corpus(plan, file.parent)
    except ConfigError as error:
        print(f"skipped, no text: {error}")
        return
    options = plan.options("elmo-mini")
    assert isinstance(options, BilmOptions)
    torch.set_num_threads(_THREADS)
    with tempfile.TemporaryDirectory() as folder:
        encoded = EncodedCorpus.build(corpus, Path(folder))
        model = BilmTrainer(encoded, options, threads=_THREADS)
        for _ in range(5):
            model.train_step()
        taken = []
        for _ in range(_STEPS):
            start = time.perf_counter()
            model.train_step()
            taken.append(time.perf_counter() - start)
        work = step_work(model)
    rows = options.batch_size
    limit = sum(
        n / best_rate(*shape, rows, _THREADS, torch.float32)[0] for shape, n in work.items()
    )
    median, operations = statistics.median(taken), sum(work.values())
    print(
        f"{options.positions_per_step / median:,.0f} tokens/s on {_THREADS} threads; "
        f"{operations / median / 1e9:,.0f} of {operations / limit / 1e9:,.0f} GFLOP/s: "
        f"{limit / median:.1%} of the limit; {operations / options.positions_per_step / 1e6:.1f} "
        "MFLOP a token"
    )
