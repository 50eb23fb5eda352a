"""Description length of labels by the online code of Voita and Titov (2020)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, Final

import torch

from elmobench.bench.context import RunContext
from elmobench.bench.experiment.cells import Cell
from elmobench.bench.train_cell import CellData, build_model, train_examples
from elmobench.core.errors import DataError
from elmobench.tasks.head import Batch
from elmobench.tracking.record import CodedPortion, OnlineCode
from elmobench.training.batching import (
    Collator,
    ExampleSet,
    evaluation_batches,
    nested_subset,
)
from elmobench.training.convergence import train_to_convergence
from elmobench.training.model import BenchModel
from elmobench.training.streams import RandomStreams

PORTIONS: Final = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.0625, 0.125, 0.25, 0.5, 1.0)
"""Shares of the training set after which a new model is trained, as in the paper."""

RATE: Final = 1e-3
"""First learning rate of Adam, as in the paper. One that a search chose for the score on dev can be
so high that the first steps on a small portion give very low probabilities, which no later step
mends.
"""


def online_code(cell: Cell, context: RunContext, data: CellData) -> OnlineCode:
    """The description length of the training labels, given the vectors.

    The labels of the first portion are sent with the uniform code. Then a new model is trained on
    all portions that were sent, until the code of dev's labels gets no shorter, and its
    probabilities code the next portion. Portions are the nested subsets that ``train_fraction``
    uses. Those that would add no example to a small training set are left out. What is chosen on
    dev is not counted in the code.

    Both sides of the code know all vectors, so all models are standardised on all of train. Means
    and deviations of a first portion of a few words would give vectors of any size elsewhere.

    A head that trains on parts of an example, such as the phrases of a sentence, codes the labels
    of them all. They are in the portion of their example: no part of it helps to code another one.

    Args:
        cell: with the options that a search chose; all portions use them.
        context: of the run.
        data: of the cell; its training set is coded, and its labels are those of the codec.

    Raises:
        DataError: if dev has no label that train or the task card has.
    """
    examples = train_examples(cell, context)
    pipeline, collator, size = context.pipeline(cell.task), data.collator, cell.training.batch_size

    def part_of(indices: Sequence[int]) -> ExampleSet[Any]:
        """These examples of the training set."""
        kept = pipeline.training_examples([examples[i] for i in indices], cell.options)
        return ExampleSet(pipeline, kept, context.prepared(cell).table)

    training = cell.training
    if training.optimizer == "adam":
        training = training.model_copy(update={"lr": RATE})
    ends = portion_ends(len(examples), cell.seed)
    whole = build_model(cell, context, data)
    dev = known_labels(whole, data, size)

    kinds = whole.head.label_kinds
    number, _ = coded(whole, collator, part_of(ends[0]), size)
    rows = [CodedPortion(examples=len(ends[0]), labels=number, bits=uniform_bits(number, kinds))]
    for sent, end in itertools.pairwise(ends):
        model = build_model(cell, context, data, whole)
        train_to_convergence(
            model,
            training,
            collator,
            part_of(sent),
            lambda trained: coded(trained, collator, dev, size)[1],
            RandomStreams(cell.seed),
        )
        portion = sorted(set(end) - set(sent))
        number, nats = coded(model, collator, part_of(portion), size)
        rows.append(CodedPortion(examples=len(portion), labels=number, bits=nats / math.log(2)))
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


def known_labels(model: BenchModel, data: CellData, batch_size: int) -> ExampleSet[Any]:
    """The examples of dev whose labels the model can code; others have a label that train lacks.

    Raises:
        DataError: if there are none.
    """
    dev = data.sets["dev"]
    known: list[int] = []
    for indices in evaluation_batches(dev.lengths, batch_size):
        if _can_code(model, data.collator.batch(dev, indices)):
            known += indices
        else:
            known += [i for i in indices if _can_code(model, data.collator.batch(dev, [i]))]
    if not known:
        raise DataError(
            "no example of dev has labels that train has, so no model can be chosen on dev",
            where="training.online_code",
            fix="look at the labels of both splits, or leave the option out",
        )
    return dev.subset(sorted(known))


def _can_code(model: BenchModel, batch: Batch[Any]) -> bool:
    try:
        with torch.inference_mode():
            model.eval().nats(batch)
    except DataError:
        return False
    return True


def coded(
    model: BenchModel, collator: Collator, examples: ExampleSet[Any], batch_size: int
) -> tuple[int, float]:
    """The number of labels of ``examples``, and their negative log-likelihood in nats."""
    model.eval()
    number, sums = 0, []
    with torch.inference_mode():
        for indices in evaluation_batches(examples.lengths, batch_size):
            batch = collator.batch(examples, indices)
            number += model.head.coded_labels(batch)
            sums.append(float(model.nats(batch).double().sum()))
    return number, math.fsum(sums)
