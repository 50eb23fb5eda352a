"""Train one cell: load its examples, build its model, and fit it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from elmobench.bench.context import PreparedTask, RunContext, part_mode, subset_of_train
from elmobench.bench.experiment.cells import Cell
from elmobench.bench.experiment.parts import PartSettings
from elmobench.bench.search import (
    Candidate,
    SearchResult,
    candidates,
    choose,
    default_values,
    with_candidate,
)
from elmobench.finetuning.encoder import TrainableEncoder
from elmobench.finetuning.start import trainable_encoder
from elmobench.nn.feature_mixer import PartConfig
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.head import OnePassHead, SlotBatch
from elmobench.training.batching import Collator, ExampleSet, bounded_runs
from elmobench.training.layer_norms import mean_norms
from elmobench.training.model import BenchModel, input_dims, make_mixer
from elmobench.training.outcome import Epoch, Training, TrainingError
from elmobench.training.part_sources import NoVectors
from elmobench.training.streams import RandomStreams
from elmobench.training.trainable_vectors import WordVocabulary, initial_vectors
from elmobench.training.trainer import TrainingData, train_together

SHARED_PARAMETERS = 20_000_000
"""Candidates with at most this number of parameters in all are trained in one pass."""


@dataclass
class CellData:
    """The examples of a cell, and what turns them into batches.

    Attributes:
        sets: ``train`` (the subset that the cell trains on), ``dev`` and ``test``.
        collator: builds batches with the vectors of all parts that the head is trained on.
        tokens: builds batches with the vectors of all tokens; the same one, unless the head is
            trained on means.
        codec: the labels.
        vocabulary: the words of the trainable embedding; None without one.
    """

    sets: dict[str, ExampleSet[Any]]
    collator: Collator
    tokens: Collator
    codec: LabelCodec
    vocabulary: WordVocabulary | None


def prepare_data(cell: Cell, context: RunContext) -> CellData:
    """Load the cell's splits (train reduced to ``train_fraction``), codec and collator."""
    pipeline = context.pipeline(cell.task)
    prepared = context.prepared(cell)
    sets = dict(prepared.sets)
    if cell.train_fraction < 1.0:
        examples = train_examples(cell, context)
        expanded = pipeline.training_examples(examples, cell.options)
        sets["train"] = ExampleSet(pipeline, expanded, prepared.table)
    codec = pipeline.codec(prepared.train_examples, context.task(cell.task, cell.fold).labels)
    if cell.train_fraction < 1.0:
        codec = pipeline.codec_of_part(codec, examples)
    vocabulary = _vocabulary(cell, prepared)
    layers = []
    for part in cell.parts:
        num_layers = context.provider(part).num_layers
        layers.append(part_mode(part, num_layers).layers(num_layers))
    sources = [
        NoVectors() if part.finetuned else context.source(cell, part, of_part)
        for part, of_part in zip(cell.parts, layers, strict=True)
    ]
    per_text = context.provider(cell.parts[0]).per_text
    collator = tokens = Collator(
        prepared.table,
        sources,
        layers,
        vocabulary,
        per_text=per_text,
        device=context.device,
    )
    if cell.preset.head.reads_means and not per_text and all(map(_is_linear, cell.parts)):
        means = [
            context.means(cell, part, of_part)
            for part, of_part in zip(cell.parts, layers, strict=True)
        ]
        collator = Collator(prepared.table, means, layers, means=True, device=context.device)
    return CellData(sets, collator, tokens, codec, vocabulary)


def _is_linear(part: PartSettings) -> bool:
    """Whether the mean of a part's mixed vectors is the mix of the means of its layers."""
    learned = part.trainable or part.finetuned
    return part.norm == "none" and not (part.dropout or learned or part.unit)


def train_examples(cell: Cell, context: RunContext) -> list[Any]:
    """The examples of the training set that the cell uses, before a head takes them apart."""
    examples = context.prepared(cell).train_examples
    if cell.train_fraction == 1.0:
        return examples
    keep = subset_of_train(len(examples), cell.train_fraction, cell.seed)
    return [examples[i] for i in keep]


def build_model(
    cell: Cell,
    context: RunContext,
    data: CellData,
    standardized: BenchModel | None = None,
) -> BenchModel:
    """Build a new model, initialised from the seed's ``init`` stream, standardised on train.

    Args:
        cell, context, data: what is trained.
        standardized: a model of the same features and data, whose means and deviations are copied;
            without it they are computed in one pass over train.
    """
    with RandomStreams(cell.seed).torch("init"):
        configs = part_configs(cell, context)
        reads = {placement: cell.parts_at(placement) for placement in cell.placements}
        initial = _initial_embeddings(cell, context, data.vocabulary)
        mixers = {
            placement: make_mixer(configs, indices, cell.mix.standardize, initial)
            for placement, indices in reads.items()
        }
        dims = input_dims(cell.preset.head, mixers)
        head = cell.preset.head(dims, data.codec, cell.options)
    encoders = _encoders(cell, context)
    model = BenchModel(mixers, reads, head, cell.training.arithmetic, encoders).to(context.device)
    if cell.mix.standardize:
        if standardized is not None:
            model.copy_standardizers(standardized)
            return model
        model.encoders.eval()
        for placement, mixer in mixers.items():
            vectors = ((slot, model.part_vectors(slot)) for slot in training_slots(cell, data))
            mixer.fit_standardizer(
                replace(slot, parts=[parts[i] for i in reads[placement]]) for slot, parts in vectors
            )
    return model


def _encoders(cell: Cell, context: RunContext) -> dict[int, TrainableEncoder]:
    """Index of each part that is not frozen -> its model, with the weights of the provider."""
    tuned = {i: part for i, part in enumerate(cell.parts) if part.finetuned}
    # Loading may draw random numbers for weights that are then read from the file.
    with RandomStreams(cell.seed).torch("init"):
        return {
            i: trainable_encoder(context.provider(part), f"features {cell.features}")
            for i, part in tuned.items()
        }


@dataclass(frozen=True)
class TrainedCell:
    """A cell's model after training.

    Attributes:
        cell: with the chosen options.
        model: with the weights of the best dev epoch.
        training: its epochs.
        search: the hyper-parameter search; None if there was one candidate.
    """

    cell: Cell
    model: BenchModel
    training: Training
    search: SearchResult | None


def train_cell(
    cell: Cell,
    context: RunContext,
    data: CellData,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> TrainedCell:
    """Train a model for every candidate of the cell's grid, and choose one by its dev score.

    All candidates have the cell's seed: the same initial weights, where they have the same shape,
    the same order of the data, and the start of the same dropout stream.

    Raises:
        TrainingError: if every candidate diverges.
    """
    choices = candidates(cell.training)
    cells = [with_candidate(cell, choice) for choice in choices]
    trained: dict[int, tuple[BenchModel, Training]] = {}
    errors: list[TrainingError] = []
    for group in _groups(cells):
        outcomes = _train_group([cells[i] for i in group], context, data, on_epoch)
        for i, (model, outcome) in zip(group, outcomes, strict=True):
            if isinstance(outcome, TrainingError):
                errors.append(outcome)
            else:
                trained[i] = (model, outcome)
    if not trained:
        raise errors[-1]
    search, chosen = None, 0
    if len(choices) > 1:
        search = _choose(cell, context, data, choices, trained)
        chosen = search.index
    return TrainedCell(cells[chosen], *trained[chosen], search)


def _choose(
    cell: Cell,
    context: RunContext,
    data: CellData,
    choices: Sequence[Candidate],
    trained: Mapping[int, tuple[BenchModel, Training]],
) -> SearchResult:
    pipeline, metric = context.pipeline(cell.task), context.metric(cell.task)
    task, dev = context.task(cell.task, cell.fold), data.sets["dev"].examples
    order = sorted(trained)
    predictions = [trained[i][1].dev_predictions for i in order]
    influence = None
    if metric.has_influence:
        units = [task.resampling_unit(example) for example in dev]
        gold = [pipeline.gold(example) for example in dev]
        influence = metric.influence(gold, predictions, units)
    scores = [trained[i][1].best.dev if i in trained else None for i in range(len(choices))]
    return choose(choices, scores, default_values(cell), influence)


def _groups(cells: Sequence[Cell]) -> list[list[int]]:
    """Indices of the cells that can share batches: those with equal batch sizes.

    Heads that are fitted in one pass are trained alone.
    """
    groups: dict[object, list[int]] = defaultdict(list)
    for i, cell in enumerate(cells):
        alone = i if issubclass(cell.preset.head, OnePassHead) else None
        groups[cell.training.batch_size, alone].append(i)
    return list(groups.values())


def _train_group(
    cells: Sequence[Cell],
    context: RunContext,
    data: CellData,
    on_epoch: Callable[[Epoch], None] | None,
) -> list[tuple[BenchModel, Training | TrainingError]]:
    """Train cells that differ in the options of training and head: in one pass if they are small.

    Models of more than :data:`SHARED_PARAMETERS` in all are trained one after another.
    """
    first = cells[0]
    sets = training_data(first, context, data)
    models = [build_model(first, context, data)]
    models += [build_model(cell, context, data, models[0]) for cell in cells[1:]]
    pairs = [(model, cell.training) for model, cell in zip(models, cells, strict=True)]
    parameters = sum(p.numel() for model in models for p in model.parameters())
    runs = [pairs] if parameters <= SHARED_PARAMETERS else [[pair] for pair in pairs]
    outcomes: list[Training | TrainingError] = []
    for run in runs:
        outcomes += train_together(run, sets, RandomStreams(first.seed), on_epoch)
    return list(zip(models, outcomes, strict=True))


def training_data(cell: Cell, context: RunContext, data: CellData) -> TrainingData:
    """What models of ``cell`` are trained and scored on."""
    pipeline, metric = context.pipeline(cell.task), context.metric(cell.task)
    return TrainingData(data.collator, data.sets["train"], data.sets["dev"], pipeline, metric)


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
                unit=part.unit,
                static=not provider.contextual,
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
    cell: Cell, context: RunContext, vocabulary: WordVocabulary | None
) -> dict[str, torch.Tensor] | None:
    """Part label -> (V + 1, D) initial embedding of each trainable part."""
    if vocabulary is None:
        return None
    # A stream of its own: how many words are unknown must not change any other random number.
    generator = RandomStreams(cell.seed).numpy("unknown")
    return {
        part.label: initial_vectors(
            context.provider(part), vocabulary, part.unknown or "normal", generator
        )
        for part in cell.parts
        if part.trainable
    }


def training_slots(cell: Cell, data: CellData) -> Iterator[SlotBatch]:
    """All vectors of the training set, in batches."""
    train_set = data.sets["train"]
    size = max(64, cell.training.batch_size)
    for indices in bounded_runs(train_set.slots, size):
        yield from data.tokens.batch(train_set, indices).slots.values()


def layer_norms(cell: Cell, context: RunContext, data: CellData) -> dict[str, list[float]]:
    """Part label -> mean norm of each layer in train, for parts whose mix learns its weights."""
    layers = {}
    for i, part in enumerate(cell.parts):
        number = context.provider(part).num_layers
        mode = part_mode(part, number)
        if part.finetuned:
            continue
        if number > 1 and mode.kind in ("learned", "first", "without"):
            layers[i] = mode.layers(number)
    if not layers or issubclass(cell.preset.head, OnePassHead):
        return {}
    normed = {i: cell.parts[i].norm == "token" for i in layers}
    found = mean_norms(training_slots(cell, data), layers, normed)
    return {cell.parts[i].label: means for i, means in found.items()}
