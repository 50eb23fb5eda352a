"""Estimate what it takes to train models together with heads."""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elmobench.bench.context import RunContext
from elmobench.bench.experiment.cells import Cell
from elmobench.bench.experiment.parts import PartSettings
from elmobench.data.examples import Sentence
from elmobench.finetuning.start import trainable_encoder
from elmobench.training.batching import ExampleSet
from elmobench.training.machine import torch_threads

_SAMPLE_TOKENS = 400


@dataclass(frozen=True)
class FinetuningEstimate:
    """The training of one model with one task's heads.

    Attributes:
        features, task: name of the model, and the task.
        runs: number of models that are trained: cells, times the candidates of their searches.
        tokens: that the model reads per epoch: those of train, and of dev, to score it.
        seconds: for all runs with all epochs that they may take; measured on about 400 tokens. The
            head comes on top.
    """

    features: str
    task: str
    runs: int
    tokens: int
    seconds: float


def estimate_finetuning(context: RunContext, cells: Sequence[Cell]) -> list[FinetuningEstimate]:
    """What models that are not frozen cost, by model and task; nothing is trained or stored."""
    runs: Counter[tuple[str, str]] = Counter()
    seconds: defaultdict[tuple[str, str], float] = defaultdict(float)
    tokens: dict[tuple[str, str], int] = {}
    speeds: dict[tuple[object, ...], tuple[float, float]] = {}
    for cell in cells:
        for part in (part for part in cell.parts if part.finetuned):
            sets = context.prepared(cell).sets
            read = {split: _tokens(sets[split]) for split in ("train", "dev")}
            read["train"] = round(read["train"] * cell.train_fraction)
            if part.key not in speeds:
                speeds[part.key] = _speeds(context, cell, part)
            step, score = speeds[part.key]
            per_epoch = read["train"] * step + read["dev"] * score
            candidates = math.prod(map(len, cell.training.grid.values()))
            key = (part.name, cell.task)
            runs[key] += candidates
            seconds[key] += candidates * cell.training.epochs * per_epoch
            tokens[key] = max(tokens.get(key, 0), sum(read.values()))
    return [
        FinetuningEstimate(*key, runs=runs[key], tokens=tokens[key], seconds=seconds[key])
        for key in runs
    ]


def _tokens(examples: ExampleSet[object]) -> int:
    """Tokens of all sentences of the examples, with repetitions."""
    lengths = [len(sentence) for sentence in examples.table.sentences]
    rows = (row for slots in examples.slots for of_slot in slots.values() for row in of_slot)
    return sum(lengths[row] for row in rows)


def _speeds(context: RunContext, cell: Cell, part: PartSettings) -> tuple[float, float]:
    """Seconds per token in training (with the gradient), and in scoring."""
    sentences = context.sentences(cell)
    sample: list[Sentence] = []
    for i in np.random.default_rng(1).permutation(len(sentences)):
        sample.append(tuple(sentences[i]))
        if sum(map(len, sample)) >= _SAMPLE_TOKENS:
            break
    count = max(1, sum(map(len, sample)))
    with torch_threads(context.experiment.settings.threads):
        encoder = trainable_encoder(context.provider(part), f"features {cell.features}")
        encoder.train()(sample[:1])  # the first call also warms up
        began = time.perf_counter()
        vectors = encoder(sample)
        scored = time.perf_counter() - began
        vectors.square().mean().backward()
        return (time.perf_counter() - began) / count, scored / count
