"""Does the memory of a worker grow with the number of tasks, or that of ``encode`` with the text?

For each pipeline and each of its heads a process of its own trains one cell on the pipeline's
control, alone, and as the last of up to twelve tasks whose pipelines have a head of that name. Then
processes encode a number of random sentences with ``elmo-mini``, and ten times as many. The numbers
are the peak of a process's own memory, in MB: what it has written, without pages of mapped files.
Only Linux tells it.

``python -m benchmarks.memory PIPELINE …`` measures these pipelines only.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from elmobench.bench.run import run_experiment
from elmobench.core.memory import own_memory_bytes
from elmobench.tasks.registries import HEADS, PIPELINES

FEATURES = "glove-mini+elmo-mini"
TASKS, SENTENCES = 12, 5000
_INTERVAL = 0.01


@contextmanager
def peak() -> Iterator[list[int]]:
    """Yield a list that has the largest own memory of this process, in bytes, after the block."""
    largest = [own_memory_bytes()]
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(_INTERVAL):
            largest[0] = max(largest[0], own_memory_bytes())

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield largest
    finally:
        ended.set()
        thread.join()


def tasks_of(pipeline: str, head: str, count: int) -> list[str]:
    """The controls of up to ``count`` pipelines with such a head; that of ``pipeline`` is last."""
    same = [name for name in PIPELINES.names() if f"{name}/{head}" in HEADS.names()]
    others = [name for name in same if name != pipeline][: count - 1]
    return [f"{name}/control-{name}" for name in (*others, pipeline)]


def train(tasks: list[str], head: str, store: Path) -> int:
    """Train a cell of each task in one run; returns the peak in bytes."""
    with tempfile.TemporaryDirectory() as folder, peak() as largest:
        summary = run_experiment(
            {
                "name": "memory",
                "tasks": tasks,
                "features": [FEATURES],
                "heads": [head],
                "seeds": [1],
                "overrides": [{"set": {"training.epochs": 1, "training.grid": {}}}],
            },
            results=Path(folder),
            store=store,
            tracker="none",
            quiet=True,
        )
        assert summary.trained == len(tasks), [record.error for record in summary.records]
    return largest[0]


def encode(sentences: int) -> int:
    """Encode random sentences with ``elmo-mini`` into a file; returns the peak in bytes."""
    from elmobench import load_provider
    from elmobench.features.export.layer_selection import make_selection
    from elmobench.features.export.token_lines import open_lines
    from elmobench.features.export.vector_file import export
    from elmobench.training.machine import torch_threads

    rng = random.Random(0)
    words = ["".join(rng.choices("etaoinshrdlu", k=rng.randint(1, 14))) for _ in range(20_000)]
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "text"
        with text.open("w", encoding="utf-8") as stream:
            for _ in range(sentences):
                stream.write(" ".join(rng.choices(words, k=rng.randint(3, 9))) + "\n")
        with peak() as largest, torch_threads(1), text.open("rb") as unused:
            provider = load_provider("elmo-mini")
            with open_lines(text, str.split, unused) as lines:
                selection = make_selection(provider)
                export(provider, lines, Path(folder) / "vectors.safetensors", selection)
    return largest[0]


def _in_a_process(*arguments: str) -> float:
    """The peak in MB of a new process that runs this module with ``arguments``."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.memory", "--child", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout.split()[-1]) / 1e6


def main() -> None:
    """Print the tables; with ``--child`` measure one case in this process."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["--child"]:
        _, kind, *rest = arguments
        print(encode(int(rest[0])) if kind == "encode" else train(rest[2:], rest[0], Path(rest[1])))
        return
    chosen = [name for name in PIPELINES.names() if name in arguments] or PIPELINES.names()
    print(f"{'pipeline':<18} {'head':<12} {'1 task':>8} {f'{TASKS} tasks':>9}   MB")
    with tempfile.TemporaryDirectory() as store:
        for pipeline in chosen:
            for head in HEADS.names():
                if not head.startswith(f"{pipeline}/"):
                    continue
                preset = head.split("/", 1)[1]
                one, many = (
                    _in_a_process("train", preset, store, *tasks_of(pipeline, preset, count))
                    for count in (1, TASKS)
                )
                print(f"{pipeline:<18} {preset:<12} {one:>8,.0f} {many:>9,.0f}", flush=True)
    for count in (SENTENCES, 10 * SENTENCES):
        print(f"encode of {count:,} sentences: {_in_a_process('encode', str(count)):,.0f} MB")


if __name__ == "__main__":
    main()
