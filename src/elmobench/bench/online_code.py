"""Description length of labels by the online code of Voita and Titov (2020)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import torch

from elmobench.bench.context import RunContext
from elmobench.bench.experiment.cells import Cell
from elmobench.bench.train_cell import CellData, build_model, train_alone, train_examples
from elmobench.tracking.record import CodedPortion, OnlineCode
from elmobench.training.batching import ExampleSet, evaluation_batches, nested_subset
from elmobench.training.model import BenchModel
from elmobench.training.streams import RandomStreams

PORTIONS: Final = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.0625, 0.125, 0.25, 0.5, 1.0)
"""Shares of the training set after which a new model is trained, as in the paper."""


def online_code(cell: Cell, context: RunContext, data: CellData) -> OnlineCode:
    """The description length of the training labels, given the vectors.

    The labels of the first portion are sent with the uniform code. Then a new model is trained on
    all portions that were sent, with early stopping on dev, and its probabilities code the next
    portion. Portions are the nested subsets that ``train_fraction`` uses. Those that would add no
    example to a small training set are left out. The choice of the best epoch on dev is not counted
    in the code.

    A head that trains on parts of an example, such as the phrases of a sentence, codes the labels
    of them all. They are in the portion of their example: no part of it helps to code another one.

    Args:
        cell: with the options that a search chose; all portions use them.
        context: of the run.
        data: of the cell; its training set is coded, and its labels are those of the codec.

    Raises:
        TrainingError: if the model of a portion diverges.
    """
    examples = train_examples(cell, context)

    def part_of(indices: Sequence[int]) -> CellData:
        """``data`` with these examples of its training set only."""
        pipeline = context.pipeline(cell.task)
        kept = pipeline.training_examples([examples[i] for i in indices], cell.options)
        part = ExampleSet(pipeline, kept, context.prepared(cell).table)
        return replace(data, sets={**data.sets, "train": part})

    ends = portion_ends(len(examples), cell.seed)
    portion = part_of(ends[0])
    size = cell.training.batch_size
    model = build_model(cell, context, portion)
    kinds = model.head.label_kinds
    number, _ = coded(model, portion, size)
    rows = [CodedPortion(examples=len(ends[0]), labels=number, bits=uniform_bits(number, kinds))]
    for sent, end in itertools.pairwise(ends):
        model = train_alone(cell, context, part_of(sent))
        number, nats = coded(model, part_of(sorted(set(end) - set(sent))), size)
        added = len(end) - len(sent)
        rows.append(CodedPortion(examples=added, labels=number, bits=nats / math.log(2)))
    bits = math.fsum(row.bits for row in rows)
    uniform = uniform_bits(sum(row.labels for row in rows), kinds)
    return OnlineCode(
        bits=bits,
        uniform_bits=uniform,
        compression=uniform / bits if bits > 0 else None,
        portions=rows,
    )


def portion_ends(count: int, seed: int) -> list[list[int]]:
    """The nested subsets of ``count`` examples, as indices, each larger than the one before."""
    subsets: list[list[int]] = []
    for share in PORTIONS:
        subset = nested_subset(count, share, RandomStreams(seed).numpy("subset"))
        if not subsets or len(subset) > len(subsets[-1]):
            subsets.append(subset)
    return subsets


def uniform_bits(labels: int, classes: int) -> float:
    """The length of ``labels`` labels if each of ``classes`` is equally probable, in bits.

    >>> uniform_bits(10, 8)
    30.0
    """
    return labels * math.log2(classes)


def coded(model: BenchModel, data: CellData, batch_size: int) -> tuple[int, float]:
    """The number of labels in ``data``'s train, and their negative log-likelihood in nats."""
    model.eval()
    number, sums = 0, []
    train = data.sets["train"]
    with torch.inference_mode():
        for indices in evaluation_batches(train.lengths, batch_size):
            batch = data.collator.batch(train, indices)
            number += model.head.coded_labels(batch)
            sums.append(float(model.nats(batch).double().sum()))
    return number, math.fsum(sums)
