"""``elmobench.Elmo`` and AllenNLP's module in training steps: tokens per second in one run.

English in batches of 32 sentences, in the order of the data, and random weights of the published
shapes. A pass over the batches is forward and backward, with dropout and one mix; character ids are
timed apart. Passes of the two modules alternate, so that both meet the same load.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

import elmobench
from benchmarks import elmo_module_peer
from benchmarks.allennlp_peer import write_random_model
from benchmarks.elmo_module_peer import pass_seconds
from benchmarks.elmo_speed import english, shape
from elmobench.core.errors import DownloadError
from elmobench.features.allennlp.environment import built_environment, worker_environment

BATCH = 32
BATCHES = {"small": 4, "original": 1}
ROUNDS = 3

Pass = Callable[[], list[float]]


@contextmanager
def allennlp_passes(folder: Path, batches: list[list[list[str]]], threads: int) -> Iterator[Pass]:
    """A function that makes one pass with AllenNLP's module and returns its times."""
    environment = built_environment()
    assert environment is not None
    (folder / "batches.json").write_text(json.dumps(batches), encoding="utf-8")
    program = [environment.python, "-I", elmo_module_peer.__file__]
    files = [folder / name for name in ("options.json", "weights.hdf5", "batches.json")]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            [*program, *files, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            encoding="ascii",
            env=worker_environment() | {"ALLENNLP_CACHE_ROOT": str(folder)},
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        wanted, answers = process.stdin, process.stdout

        def one_pass() -> list[float]:
            wanted.write("pass\n")
            wanted.flush()
            line = answers.readline()
            if not line:
                raise RuntimeError((folder / "log").read_text("utf-8", "replace")[-2000:])
            seconds: list[float] = json.loads(line)
            return seconds

        yield one_pass
        wanted.close()


def main() -> None:
    threads = torch.get_num_threads()
    try:
        sentences = [list(sentence) for sentence in english(4000)]
    except DownloadError as error:
        print(f"skipped, no data: {error}")
        return
    if built_environment() is None:
        print("skipped: `elmobench reference setup` builds AllenNLP's environment")
        return
    print(f"batches of {BATCH} sentences, {threads} threads")
    for name, count in BATCHES.items():
        batches = [sentences[i * BATCH : (i + 1) * BATCH] for i in range(count)]
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            write_random_model(folder, shape(name))
            elmo = elmobench.Elmo(folder / "options.json", folder / "weights.hdf5", 1).train()
            ours, theirs = [], []
            with allennlp_passes(folder, batches, threads) as allennlp_pass:
                for _ in range(ROUNDS + 1):
                    ours.append(pass_seconds(elmobench, elmo, batches))
                    theirs.append(allennlp_pass())
        report(name, sum(len(s) for batch in batches for s in batch), ours[1:], theirs[1:])


def report(name: str, tokens: int, ours: list[list[float]], theirs: list[list[float]]) -> None:
    """Print the median rates by wall time, and the median and range of the rounds' ratios."""
    for i, what in ((0, "character ids"), (2, "training steps")):
        rates = [tokens / statistics.median(x[i] for x in times) for times in (ours, theirs)]
        wall, cpu = (
            sorted(b[k] / a[k] for a, b in zip(ours, theirs, strict=True)) for k in (i, i + 1)
        )
        print(
            f"{name}, {tokens} tokens, {what}: {rates[0]:,.0f} tokens/s, AllenNLP {rates[1]:,.0f}: "
            f"{statistics.median(wall):.1f} times ({wall[0]:.1f} to {wall[-1]:.1f}), "
            f"by CPU time {statistics.median(cpu):.1f} times ({cpu[0]:.1f} to {cpu[-1]:.1f})",
            flush=True,
        )
