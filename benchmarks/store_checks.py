"""What do the checksums of blocks cost when batches are read from the store?

The same batches are read with the checks and without, in turns, by new readers: with the pages of
the files in memory (warm) and after they were dropped from it (cold). ``first`` is one pass over
the data, in which every block is checked before it is first used; ``later`` is a pass after it.
The shortest times of all rounds are compared, since other programs only ever add to them. The last
column is what one pass of XXH3 over the stored bytes in memory takes, divided by the processor time
of a pass without checks.

``python -m benchmarks.store_checks FILE`` also writes a record, from which the page on reliability
has its table.
"""

from __future__ import annotations

import datetime
import json
import math
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

import elmobench
from benchmarks.store_read import Noise
from elmobench.features.store.blocks import BlockCheck, block_checksums, checked_blocks
from elmobench.features.store.feature_store import FeatureStore
from elmobench.features.store.precision import Precision
from elmobench.features.store.stored_features import StoredView

SENTENCES, BATCH, ROUNDS = 2000, 64, 9
PRECISIONS: tuple[Precision, ...] = ("fp16", "int8", "fp32")
PASSES = (("first", "cold"), ("first", "warm"), ("later", "warm"))


def main() -> None:
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.lognormal(2.8, 0.5, SENTENCES), 1, 80).astype(int)
    sentences = [tuple(f"w{i}" for i in rng.zipf(1.3, n) % 5000) for n in lengths]
    order = np.argsort(lengths, kind="stable")
    batches = [order[i : i + BATCH] for i in range(0, SENTENCES, BATCH)]
    batches = [batches[i] for i in rng.permutation(len(batches))]
    print(f"{torch.get_num_threads()} threads; with checks / without, best of {ROUNDS}:")
    print("processor time, in brackets wall time; and without checks, processor ms per batch")
    names = "".join(f"{', '.join(names):>16}" for names in PASSES)
    print(f"  D  precision {names}    MB  ms/batch  XXH3 alone")
    rows = []
    for dim in (1024, 256):
        for precision in PRECISIONS:
            with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
                store = FeatureStore(Path(folder), precision)
                store.build(Noise(dim), sentences)
                rows.append(_measure(store, dim, sentences, batches))
    if sys.argv[1:]:
        _write(Path(sys.argv[1]), rows)


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    from elmobench.tracking.host import host_info

    head = {
        "version": elmobench.__version__,
        "date": datetime.date.today().isoformat(),
        "machine": host_info(torch.get_num_threads()).get("processor") or platform.machine(),
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
    taken: dict[tuple[str, str, bool], tuple[float, float]] = {}
    for _ in range(ROUNDS):
        for pages in ("cold", "warm"):
            for checks in (True, False):
                with nullcontext() if checks else _without_checks():
                    checked_blocks.cache_clear()
                    view = store.open(Noise(dim)).view(sentences)
                    if pages == "cold":
                        _drop_pages(files)
                    else:
                        for path in files:
                            path.read_bytes()
                    for which in ("first", "later"):
                        key = which, pages, checks
                        before = taken.get(key, (math.inf, math.inf))
                        times = _pass(view, batches)
                        taken[key] = min(times[0], before[0]), min(times[1], before[1])
    cells = ""
    row: dict[str, Any] = {"dim": dim, "precision": store.precision}
    for names in PASSES:
        with_checks, without = taken[*names, True], taken[*names, False]
        processor, wall = (a / b for a, b in zip(with_checks, without, strict=True))
        cells += f"{processor:9.3f} ({wall:.2f})"
        row[", ".join(names)] = round(processor, 3)
    size = sum(path.stat().st_size for path in files) / 1e6
    plain = 1e3 * taken["later", "warm", False][0] / len(batches)
    row["checksums alone"] = round(_checksums_alone(files) / taken["later", "warm", False][0], 3)
    end = f"{size:5.0f} {plain:8.2f} {row['checksums alone']:11.3f}"
    print(f"{dim:5d} {store.precision:>6}   {cells} {end}", flush=True)
    return row


def _checksums_alone(files: list[Path]) -> float:
    """Processor time of one pass of checksums over the files' bytes in memory; the shortest."""
    contents = [path.read_bytes() for path in files]
    shortest = math.inf
    for _ in range(ROUNDS):
        begin = time.process_time()
        for content in contents:
            block_checksums(memoryview(content))
        shortest = min(shortest, time.process_time() - begin)
    return shortest


def _pass(view: StoredView, batches: list[np.ndarray]) -> tuple[float, float]:
    """Processor time and wall time of one pass."""
    begin = time.process_time(), time.perf_counter()
    for batch in batches:
        view.gather(batch)
    return time.process_time() - begin[0], time.perf_counter() - begin[1]


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
    main()
