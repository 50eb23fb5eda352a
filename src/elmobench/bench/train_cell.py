"""Train one cell: load its examples, build its model, and fit it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch

from elmobench.bench.context import PreparedTask, RunContext, part_mode
from elmobench.bench.experiment.cells import Cell
from elmobench.nn.feature_mixer import PartConfig
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.head import SlotBatch
from elmobench.training.batching import Collator, ExampleSet, bounded_runs, nested_subset
from elmobench.training.model import BenchModel, make_mixer
from elmobench.training.streams import RandomStreams
from elmobench.training.trainable_vectors import WordVocabulary, initial_vectors
from elmobench.training.trainer import Epoch, Training, train


@dataclass
class CellData:
    """The examples of a cell, and what turns them into batches.

    Attributes:
        sets: ``train`` (the subset that the cell trains on), ``dev`` and ``test``.
        collator: builds batches with the vectors of all parts.
        codec: the labels.
        vocabulary: the words of the trainable embedding; None without one.
    """

    sets: dict[str, ExampleSet[Any]]
    collator: Collator
    codec: LabelCodec
    vocabulary: WordVocabulary | None


def prepare_data(cell: Cell, context: RunContext, seed: int | str) -> CellData:
    """Load the cell's splits (train reduced to ``train_fraction``), codec and collator."""
    pipeline = context.pipeline(cell.task)
    prepared = context.prepared(cell)
    sets = dict(prepared.sets)
    if cell.train_fraction < 1.0:
        keep = nested_subset(
            len(prepared.train_examples),
            cell.train_fraction,
            RandomStreams(seed).numpy("subset"),
        )
        examples = [prepared.train_examples[i] for i in keep]
        expanded = pipeline.training_examples(examples, cell.options)
        sets["train"] = ExampleSet(pipeline, expanded, prepared.table)
    # From all of train: a subset may lack a rare label, which must still have an id.
    codec = pipeline.codec(prepared.train_examples, context.task(cell.task, cell.fold).labels)
    vocabulary = _vocabulary(cell, prepared)
    layers = []
    for part in cell.parts:
        num_layers = context.provider(part).num_layers
        layers.append(part_mode(part, num_layers).layers(num_layers))
    collator = Collator(
        prepared.table,
        [context.view(cell, part) for part in cell.parts],
        layers,
        vocabulary,
    )
    return CellData(sets, collator, codec, vocabulary)


def build_model(cell: Cell, context: RunContext, data: CellData, seed: int | str) -> BenchModel:
    """Build a new model, initialised from the seed's ``init`` stream, standardised on train."""
    with RandomStreams(seed).torch("init"):
        configs = part_configs(cell, context)
        reads = {placement: cell.parts_at(placement) for placement in cell.placements}
        initial = _initial_embeddings(cell, context, data.vocabulary, seed)
        mixers = {
            placement: make_mixer(configs, indices, cell.mix.standardize, initial)
            for placement, indices in reads.items()
        }
        dims = {placement: mixer.out_dim for placement, mixer in mixers.items()}
        head = cell.preset.head(dims, data.codec, cell.options)
    if cell.mix.standardize:
        for placement, mixer in mixers.items():
            mixer.fit_standardizer(
                replace(slot, parts=[slot.parts[i] for i in reads[placement]])
                for slot in _training_slots(cell, data)
            )
    return BenchModel(mixers, reads, head)


def train_cell(
    cell: Cell,
    context: RunContext,
    data: CellData,
    seed: int | str,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> tuple[BenchModel, Training]:
    """Build and train a model; the returned one has the weights of the best dev epoch."""
    model = build_model(cell, context, data, seed)
    training = train(
        model,
        data.collator,
        data.sets["train"],
        data.sets["dev"],
        context.pipeline(cell.task),
        context.metric(cell.task),
        cell.training,
        RandomStreams(seed),
        on_epoch,
    )
    return model, training


def part_configs(cell: Cell, context: RunContext) -> list[PartConfig]:
    """The cell's parts as the feature mixer takes them."""
    configs = []
    for part in cell.parts:
        provider = context.provider(part)
        configs.append(
            PartConfig(
                name=part.label,
                num_layers=provider.num_layers,
                dim=provider.dim,
                mix_mode=part_mode(part, provider.num_layers),
                gamma=part.gamma,
                norm=part.norm,
                l2=part.l2,
                dropout=part.dropout,
                trainable=part.trainable,
            )
        )
    return configs


def _vocabulary(cell: Cell, prepared: PreparedTask) -> WordVocabulary | None:
    """The words of all splits, as AllenNLP's vocabulary has them; None if no part is trainable.

    A word that is not in the training set keeps its initial vector.
    """
    trainable = [part for part in cell.parts if part.trainable]
    if not trainable:
        return None
    # One vocabulary is enough: all trainable parts of a cell get the preset's value.
    lowercase = bool(trainable[0].lowercase)
    return WordVocabulary.of(prepared.table.sentences, lowercase=lowercase)


def _initial_embeddings(
    cell: Cell, context: RunContext, vocabulary: WordVocabulary | None, seed: int | str
) -> dict[str, torch.Tensor] | None:
    """Part label -> (V + 1, D) initial embedding of each trainable part."""
    if vocabulary is None:
        return None
    # A stream of its own: how many words are unknown must not change any other random number.
    generator = RandomStreams(seed).numpy("unknown")
    return {
        part.label: initial_vectors(
            context.provider(part), vocabulary, part.unknown or "normal", generator
        )
        for part in cell.parts
        if part.trainable
    }


def _training_slots(cell: Cell, data: CellData) -> Iterator[SlotBatch]:
    """All vectors of the training set, in batches."""
    train_set = data.sets["train"]
    size = max(64, cell.training.batch_size)
    for indices in bounded_runs(train_set.slots, size):
        yield from data.collator.batch(train_set, indices).slots.values()
