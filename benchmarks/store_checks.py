"""What do the checksums of blocks cost when batches are read, and when an experiment is run?

The same batches are read by new readers with the checks and without, in random turns: with the
pages of the files in memory (warm), and after they were dropped from it (cold). ``first`` is one
pass over the data, in which every block is checked before it is first used; ``later`` is a pass
after it. All times are processor times (user and system) of one thread: with more, the threads of
OpenMP that wait for work count as well, which on a busy machine is most of the time. For each pair
of passes the ratio is taken; the median over the rounds is shown, with the quartiles.

The physical limit is next to them: the time of one XXH3 over the stored bytes in memory, and of the
cheapest possible use of them (their maximum), each divided by a pass without checks.

Then the linear probes of the demo run on stored features, with the checks and without.

``python -m benchmarks.store_checks FILE`` also writes a record, from which the page on reliability
has its tables.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
import xxhash

import elmobench
from benchmarks.store_read import Noise
from elmobench.bench.experiment.schema import Experiment, load_experiment
from elmobench.bench.run import run_experiment
from elmobench.features.store.blocks import BlockCheck, checked_blocks
from elmobench.features.store.feature_store import FeatureStore
from elmobench.features.store.precision import Precision
from elmobench.features.store.stored_features import StoredView

SENTENCES, BATCH, ROUNDS = 2000, 64, 31
COLD_ROUNDS, RUNS = 9, 5
CACHE_BYTES = 1 << 28
"""More than a processor's cache holds."""
PRECISIONS: tuple[Precision, ...] = ("fp16", "int8", "fp32")
PASSES = (("first", "cold"), ("first", "warm"), ("later", "warm"))
DEMO_TASKS = ("sentiment/control-sentiment", "ner/control-ner")
DEMO_FEATURES = ("glove-mini", "elmo-mini", "bert-mini")

Ratios = list[float]
"""First quartile, median, third quartile."""


def main(record: Path | None = None) -> None:
    """Measure and print; ``record`` is the file to write."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        rows = [*_passes(), _runs()]
    finally:
        torch.set_num_threads(threads)
    if record is not None:
        _write(record, rows)


def _passes() -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.lognormal(2.8, 0.5, SENTENCES), 1, 80).astype(int)
    sentences = [tuple(f"w{i}" for i in rng.zipf(1.3, n) % 5000) for n in lengths]
    order = np.argsort(lengths, kind="stable")
    batches = [order[i : i + BATCH] for i in range(0, SENTENCES, BATCH)]
    batches = [batches[i] for i in rng.permutation(len(batches))]
    print(f"one thread; processor time with checks / without, median of {ROUNDS} (quartiles):")
    names = "".join(f"{', '.join(names):>22}" for names in PASSES)
    print(f"  D  precision{names}   XXH3  maximum   MB  ms/batch")
    for dim in (1024, 256):
        for precision in PRECISIONS:
            with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
                store = FeatureStore(Path(folder), precision)
                store.build(Noise(dim), sentences)
                yield _measure(store, dim, sentences, batches)


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    from elmobench.tracking.host import host_info

    head = {
        "version": elmobench.__version__,
        "date": datetime.date.today().isoformat(),
        "machine": host_info(1).get("processor") or platform.machine(),
        "seed": 0,
    }
    path.write_text("".join(json.dumps(row) + "\n" for row in [head, *rows]), "utf-8")


def _measure(
    store: FeatureStore,
    dim: int,
    sentences: list[tuple[str, ...]],
    batches: list[np.ndarray],
) -> dict[str, Any]:
    files = list(store.folder(Noise(dim)).glob("*.safetensors"))
    taken: dict[tuple[str, str, bool], list[float]] = {}
    kinds = [(pages, checks) for pages in ("cold", "warm") for checks in (True, False)]
    for number in range(ROUNDS):
        random.Random(number).shuffle(kinds)
        for pages, checks in kinds:
            if pages == "cold" and number >= COLD_ROUNDS:
                continue
            with nullcontext() if checks else _without_checks():
                checked_blocks.cache_clear()
                view = store.open(Noise(dim)).view(sentences)
                if pages == "cold":
                    _drop_pages(files)
                else:
                    for path in files:
                        path.read_bytes()
                for which in ("first", "later"):
                    taken.setdefault((which, pages, checks), []).append(_pass(view, batches))
    row: dict[str, Any] = {"dim": dim, "precision": store.precision}
    cells = ""
    for names in PASSES:
        row[", ".join(names)] = _ratios(taken[*names, True], taken[*names, False])
        cells += _shown(row[", ".join(names)])
    plain = statistics.median(taken["first", "warm", False])
    checksums, maximum = _reading_once(files)
    row["checksums alone"] = round(checksums / plain, 3)
    row["maximum alone"] = round(maximum / plain, 3)
    size = sum(path.stat().st_size for path in files) / 1e6
    row["GB/s"] = round(size / 1e3 / checksums, 1)
    print(
        f"{dim:5d} {store.precision:>6}   {cells} {row['checksums alone']:6.3f} "
        f"{row['maximum alone']:8.3f} {size:4.0f} {1e3 * plain / len(batches):9.2f}",
        flush=True,
    )
    return row


def _ratios(with_checks: list[float], without: list[float]) -> Ratios:
    pairs = [a / b for a, b in zip(with_checks, without, strict=True)]
    return [round(float(q), 3) for q in np.quantile(pairs, [0.25, 0.5, 0.75])]


def _shown(ratios: Ratios) -> str:
    low, middle, high = ratios
    return f"{middle:8.3f} ({low:.2f}-{high:.2f})"


def _reading_once(files: list[Path]) -> tuple[float, float]:
    """Processor time of one XXH3 of all bytes in memory, and of their maximum; medians.

    The bytes are in memory, but no longer in the processor's cache.
    """
    contents = [np.frombuffer(path.read_bytes(), np.uint8) for path in files]
    # Whole numbers of 8 bytes: the maximum of single bytes would be slower.
    arrays = [content[: len(content) // 8 * 8].view(np.uint64) for content in contents]
    other = np.ones(CACHE_BYTES // 8, np.uint64)
    uses: tuple[Callable[[Any], object], ...] = (xxhash.xxh3_64_intdigest, np.max)
    taken: tuple[list[float], list[float]] = [], []
    for _ in range(ROUNDS):
        for use, times in zip(uses, taken, strict=True):
            other += 1
            begin = time.process_time()
            for array in arrays:
                use(array)
            times.append(time.process_time() - begin)
    return statistics.median(taken[0]), statistics.median(taken[1])


def _pass(view: StoredView, batches: list[np.ndarray]) -> float:
    """Processor time of one pass."""
    begin = time.process_time()
    for batch in batches:
        view.gather(batch)
    return time.process_time() - begin


def _runs() -> dict[str, Any]:
    """Run the demo's probes on stored features: processor time, and the part spent in checks."""
    demo = load_experiment("demo")
    experiment = demo.model_copy(
        update={
            "name": "checks",
            "tasks": DEMO_TASKS,
            "features": DEMO_FEATURES,
            "overrides": demo.overrides[:1],  # the others are for other tasks
        }
    )
    seconds: dict[bool, list[float]] = {True: [], False: []}
    checking: list[float] = []
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        folder = Path(name)
        _run(experiment, folder, "encode")
        for number in range(RUNS):
            for checks in (True, False) if number % 2 else (False, True):
                checked_blocks.cache_clear()
                with _timed_checks() if checks else _without_checks() as spent:
                    seconds[checks].append(_run(experiment, folder, f"{number}-{checks}"))
                if spent is not None:
                    checking.append(sum(spent) / seconds[checks][-1])
    row = {
        "cells": len(DEMO_TASKS) * len(DEMO_FEATURES),
        "seconds": round(statistics.median(seconds[False]), 2),
        "whole run": _ratios(seconds[True], seconds[False]),
        "share of checks": round(statistics.median(checking), 5),
    }
    print(
        f"{row['cells']} cells of the demo on stored features: {row['seconds']} s without checks; "
        f"with / without {_shown(row['whole run']).strip()}, median of {RUNS}; "
        f"{row['share of checks']:.3%} of the processor time is spent in checks"
    )
    return row


def _run(experiment: Experiment, folder: Path, results: str) -> float:
    """Processor time of a run into a new results folder."""
    begin = time.process_time()
    summary = run_experiment(
        experiment,
        results=folder / results,
        store=folder / "store",
        tracking_uri="none",
        quiet=True,
    )
    if len(summary.records) != len(DEMO_TASKS) * len(DEMO_FEATURES):
        raise RuntimeError("some cells of the demo were not run")
    return time.process_time() - begin


@contextmanager
def _timed_checks() -> Iterator[list[float]]:
    """Yields a list to which each check of vectors, and of an index, adds its processor time."""
    spent: list[float] = []
    inside = False

    def timed(check: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            nonlocal inside
            if inside:  # One calls the other; its time is counted already.
                return check(*args)
            inside, begin = True, time.process_time()
            try:
                return check(*args)
            finally:
                inside = False
                spent.append(time.process_time() - begin)

        return run

    with (
        patch.object(StoredView, "_check_tokens", timed(StoredView._check_tokens)),
        patch.object(BlockCheck, "rows", timed(BlockCheck.rows)),
        patch.object(BlockCheck, "all", timed(BlockCheck.all)),
    ):
        yield spent


def _drop_pages(files: list[Path]) -> None:
    """Drop the files from the page cache; they are not mapped yet."""
    for path in files:
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@contextmanager
def _without_checks() -> Iterator[None]:
    with (
        patch.object(StoredView, "_check_tokens", lambda *args: None),
        patch.object(BlockCheck, "rows", lambda *args: None),
        patch.object(BlockCheck, "all", lambda *args: None),
    ):
        yield


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else None)
