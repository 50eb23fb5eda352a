"""What a cell of the paper's table costs: examples per second of each ``paper`` preset in training.

Each preset is trained for one epoch on open data, at the published batch size, on random vectors of
ELMo's width (1,024). What counts is the pass over the training set, without encoding, dev and test.
From that follow the hours of one core for an epoch over the published training set, and for the
preset's largest number of epochs. It is processor time of one thread. Other work on the machine
still makes it longer, since cores share caches, up to twice where they are two threads of one core.
Last, ELMo of the original size encodes some sentences with one thread.

``python -m benchmarks.paper_presets FILE`` also writes a record as JSON lines.
"""

from __future__ import annotations

import datetime
import json
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import torch
from torch import Tensor

import elmobench
from benchmarks.elmo_speed import english, shape
from elmobench.core.errors import DownloadError
from elmobench.features.elmo.provider import ElmoProvider
from elmobench.tasks.registries import get_head
from elmobench.tracking.host import host_info
from elmobench.training.model_run import ModelRun


class Preset(NamedTuple):
    """A preset, open data to time it on, and the published training set.

    Attributes:
        head: pipeline and preset.
        task: card of the open data.
        fraction: part of its training set that is used.
        published: name of the published training set.
        examples: number of training examples in that; for sentiment all sub-trees of SST.
        tokens: about as many, in its distinct sentences; of the whole sentences for sentiment.
    """

    head: str
    task: str
    fraction: float
    published: str
    examples: int
    tokens: int


PRESETS = (
    Preset("ner/paper", "ner/wnut17", 0.2, "CoNLL-2003", 14_041, 204_000),
    Preset("sentiment/paper", "sentiment/sst5", 0.02, "SST-5 with sub-trees", 155_019, 164_000),
    Preset("nli/paper", "nli/cad-snli", 1.0, "SNLI", 549_367, 6_100_000),
    Preset("srl/paper", "srl/propbank-ewt", 0.01, "CoNLL-2012", 253_070, 1_299_000),
    Preset("qa/paper", "qa/squad-small", 0.05, "SQuAD", 87_599, 3_600_000),
    Preset("coref/paper", "coref/litbank", 0.2, "CoNLL-2012", 2_802, 1_299_000),
)


def main(record: Path | None = None) -> None:
    """Measure and print; ``record`` is the file to write."""
    print(f"{'preset':<18}{'examples/s':>12}  hours of one core on the published training set")
    rows: list[dict[str, Any]] = []
    for preset in PRESETS:
        try:
            cost = _one_epoch(preset)
        except DownloadError as error:
            print(f"{preset.head:<18}skipped, no data: {error}")
            continue
        rate = cost.examples / cost.seconds
        hours = preset.examples / rate / 3600
        epochs = get_head(*preset.head.split("/")).training.epochs
        rows.append(
            {
                **{"head": preset.head, "task": preset.task, "published": preset.published},
                **{"examples": preset.examples, "tokens": preset.tokens},
                **{"examples per second": rate},
                **{"hours per epoch": hours, "epochs": epochs, "peak memory": cost.peak_memory},
            }
        )
        print(
            f"{preset.head:<18}{rate:>12,.1f}  {preset.published}: {hours:,.2f} an epoch, "
            f"{hours * epochs:,.0f} for at most {epochs} epochs; {cost.peak_memory / 1e9:.1f} GB"
        )
    speed = _encoding_speed()
    print(f"elmo-original: {speed:,.0f} tokens per second of one core")
    rows.append({"encoding": "elmo-original", "tokens per second": speed})
    if record is not None:
        head = {
            "version": elmobench.__version__,
            "date": datetime.date.today().isoformat(),
            "machine": host_info(1).get("processor") or platform.machine(),
        }
        lines = [json.dumps(row) for row in (head, *rows)]
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text("\n".join(lines) + "\n", "utf-8")


class Cost(NamedTuple):
    """What a cell took.

    Attributes:
        examples: that it trained on.
        seconds: processor time of the pass over them.
        peak_memory: the largest resident memory, in bytes.
    """

    examples: int
    seconds: float
    peak_memory: int


class _Stopwatch:
    """Processor time from the beginning of an epoch to its last step."""

    def __init__(self) -> None:
        self.begun = self.ended = 0.0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the training that the block does."""
        begin, update = ModelRun.begin_epoch, ModelRun.update

        def begin_epoch(run: ModelRun, batches: int) -> None:
            begin(run, batches)
            self.begun = time.process_time()

        def step(run: ModelRun, loss: Tensor, number: int) -> None:
            update(run, loss, number)
            self.ended = time.process_time()

        with patch.multiple(ModelRun, begin_epoch=begin_epoch, update=step):
            yield

    @property
    def seconds(self) -> float:
        return self.ended - self.begun


def _encoding_speed() -> float:
    """Tokens per second of processor time of ELMo's original size, with one thread."""
    sentences = english(2_000)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        provider = ElmoProvider.random(shape("original"))
        provider.encode(sentences[:16])
        start = time.process_time()
        provider.encode(sentences)
        return sum(map(len, sentences)) / (time.process_time() - start)
    finally:
        torch.set_num_threads(threads)


def _one_epoch(preset: Preset) -> Cost:
    """The cost of a cell that trains for one epoch."""
    experiment: dict[str, Any] = {
        "name": "paper-presets",
        "tasks": [preset.task],
        "features": ["random-1024"],
        "heads": [preset.head.split("/")[1]],
        "axes": {"train_fraction": [preset.fraction]},
        "overrides": [{"set": {"training.epochs": 1}}],
        "settings": {"threads": 1},
        "models": {
            "random-1024": {
                "provider": "random",
                "description": "random vectors of ELMo's width",
                "options": {"dim": 1024},
            }
        },
    }
    stopwatch = _Stopwatch()
    with tempfile.TemporaryDirectory() as folder, stopwatch.watching():
        results = elmobench.run(
            experiment,
            results=Path(folder) / "results",
            store=Path(folder) / "store",
            tracking_uri="none",
            quiet=True,
        )
    (record,) = results.summary.records
    assert record.result is not None
    assert record.run is not None
    return Cost(record.result.counts["train"], stopwatch.seconds, record.run.peak_memory_bytes or 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
