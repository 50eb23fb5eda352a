"""Run one cell: build its model, train it, score test once, and write the record."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

import elmobench
from elmobench.bench.context import PreparedTask, RunContext, part_mode
from elmobench.bench.experiment.cells import PROTOCOL_VERSION, Cell
from elmobench.bench.plan import PlannedCell
from elmobench.bench.search import SearchResult, candidates, select
from elmobench.metrics.base import Metric
from elmobench.nn.feature_mixer import PartConfig
from elmobench.tasks.base import LabelCodec, Pipeline, UnitBatch
from elmobench.tracking.host import (
    host_info,
    library_versions,
    peak_memory_bytes,
    reset_peak_memory,
)
from elmobench.tracking.record import EpochRow, RecordStore, Result, RunInfo, RunRecord
from elmobench.training.batching import Collator, ExampleSet, bounded_runs, nested_subset
from elmobench.training.machine import keep_memory, repeatable, torch_threads
from elmobench.training.model import BenchModel, make_mixer
from elmobench.training.saved import SavedPart, save_model
from elmobench.training.streams import RandomStreams
from elmobench.training.trainer import Epoch, Training, evaluate, train

SELECTION_SEED = "selection"
"""Hyper-parameters are chosen with a seed that no cell reports."""


@dataclass
class CellData:
    """The cell's examples and where their vectors come from."""

    sets: dict[str, ExampleSet[Any]]
    collator: Collator
    codec: LabelCodec
    vocabulary: dict[str, int] | None


def run_cell(
    planned: PlannedCell,
    context: RunContext,
    records: RecordStore,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> RunRecord:
    """Train and score a cell; write its head, predictions and record, in that order.

    The record comes last, so that a cell cut short has none and runs again.
    """
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    keep_memory()
    with torch_threads(planned.cell.threads), repeatable():
        return _run(planned, context, records, started, on_epoch)


def _run(
    planned: PlannedCell,
    context: RunContext,
    records: RecordStore,
    started: str,
    on_epoch: Callable[[Epoch], None] | None,
) -> RunRecord:
    cell, identity, digest = planned.cell, planned.identity, planned.digest
    reset_peak_memory()
    clock = _Clock()
    pipeline, metric = context.pipeline(cell.task), context.metric(cell.task)
    data = prepare_data(cell, context, cell.seed)
    clock.lap("prepare")

    selection = _selected(cell, context, records, identity)
    if selection is not None:
        cell = selection.apply(cell)
    clock.lap("select")

    model, training = train_cell(cell, context, data, cell.seed, on_epoch)
    clock.lap("train")
    dev, _ = evaluate(
        model, data.collator, data.sets["dev"], pipeline, metric, cell.training.batch_size
    )
    test_scores, predictions = evaluate(
        model, data.collator, data.sets["test"], pipeline, metric, cell.training.batch_size
    )
    clock.lap("test")

    task = context.task(cell.task, cell.fold)
    rows = [
        {
            "id": example.id,
            "unit": task.document(example.id) or pipeline.test_unit(example),
            "gold": pipeline.gold(example),
            "predicted": prediction,
        }
        for example, prediction in zip(data.sets["test"].examples, predictions, strict=True)
    ]
    save_model(
        records.head_folder(digest),
        model,
        pipeline=cell.pipeline,
        head=cell.head,
        options=cell.options.model_dump(mode="json"),
        codec=data.codec,
        parts=_saved_parts(cell, context),
        placements=cell.placements,
        standardize=cell.mix.standardize,
        vocabulary=data.vocabulary,
        models=context.experiment.models,
        models_base=context.experiment.base,
    )
    predictions_digest = records.write_predictions(digest, rows)
    result = Result(
        metric=metric.name,
        primary=test_scores.primary,
        test=test_scores.values,
        dev=dev.values,
        per_class=test_scores.per_class,
        best_epoch=training.best.number,
        predictions_digest=predictions_digest,
        layer_weights=training.best.layer_weights,
        curve=[
            EpochRow(
                epoch=epoch.number,
                train_loss=epoch.train_loss,
                dev=epoch.dev,
                layer_weights=epoch.layer_weights,
            )
            for epoch in training.epochs
        ],
        selection=selection.as_json() if selection else None,
        coverage=_coverage(cell, context),
        counts={name: len(part) for name, part in data.sets.items()},
        notes=_notes(rows),
    )
    record = planned.record(
        context.experiment,
        status="ok",
        result=result,
        run=RunInfo(
            started=started,
            seconds={
                **clock.laps,
                "cpu": clock.cpu(),
                "epoch_mean": float(np.mean([epoch.seconds for epoch in training.epochs])),
            },
            peak_memory_bytes=peak_memory_bytes(),
            parameters=_parameters(cell, context, model),
            bytes_per_token={
                part.label: context.view(cell, part).nbytes_per_token for part in cell.parts
            },
            vectors={part.label: context.view(cell, part).digest for part in cell.parts},
            versions=library_versions(),
            host=host_info(cell.threads),
            signature=_signature(cell, context, identity),
        ),
    )
    records.write(record)
    return record


def prepare_data(cell: Cell, context: RunContext, seed: int | str) -> CellData:
    """The cell's splits (a subset of train where it asks for one), codec and collator."""
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
    # Labels come from all of train: a subset may lack a rare one, and must still know it.
    codec = pipeline.codec(prepared.train_examples, context.task(cell.task, cell.fold).labels)
    vocabulary = _vocabulary(cell, sets["train"], prepared)
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
    """A fresh model, initialised from the seed's ``init`` stream, standardised on train."""
    with RandomStreams(seed).torch("init"):
        configs = part_configs(cell, context)
        reads = {placement: cell.parts_at(placement) for placement in cell.placements}
        initial = _initial_embeddings(cell, context, data.vocabulary)
        mixers = {
            placement: make_mixer(configs, indices, cell.mix.standardize, initial)
            for placement, indices in reads.items()
        }
        dims = {placement: mixer.out_dim for placement, mixer in mixers.items()}
        head = cell.preset.head(dims, data.codec, cell.options)
    if cell.mix.standardize:
        for placement, mixer in mixers.items():
            mixer.fit_standardizer(
                replace(unit, parts=[unit.parts[i] for i in reads[placement]])
                for unit in _training_units(cell, data)
            )
    return BenchModel(mixers, reads, head)


def train_cell(
    cell: Cell,
    context: RunContext,
    data: CellData,
    seed: int | str,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> tuple[BenchModel, Training]:
    """Build and train; the returned model holds the best dev epoch."""
    pipeline: Pipeline[Any] = context.pipeline(cell.task)
    metric: Metric = context.metric(cell.task)
    model = build_model(cell, context, data, seed)
    training = train(
        model,
        data.collator,
        data.sets["train"],
        data.sets["dev"],
        pipeline,
        metric,
        cell.training,
        RandomStreams(seed),
        on_epoch,
    )
    return model, training


def part_configs(cell: Cell, context: RunContext) -> list[PartConfig]:
    """The mixer's view of the cell's parts."""
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


def _selected(
    cell: Cell, context: RunContext, records: RecordStore, identity: dict[str, Any]
) -> SearchResult | None:
    """What the preset's small grid chooses on dev; the same for all seeds of a cell."""
    if not cell.training.grid:
        return None

    def score(candidate: Cell) -> float:
        data = prepare_data(candidate, context, SELECTION_SEED)
        _, training = train_cell(candidate, context, data, SELECTION_SEED)
        return training.best.dev

    return select(cell, candidates(cell.training), identity, records.folder, score)


def _vocabulary(
    cell: Cell, train_set: ExampleSet[Any], prepared: PreparedTask
) -> dict[str, int] | None:
    """Ids from 1 for the words of the training sentences, if some part is trainable."""
    if not any(part.trainable for part in cell.parts):
        return None
    rows = {row for units in train_set.units for rows in units.values() for row in rows}
    words = sorted({token for row in rows for token in prepared.table.sentences[row]})
    return {word: i + 1 for i, word in enumerate(words)}


def _initial_embeddings(
    cell: Cell, context: RunContext, vocabulary: dict[str, int] | None
) -> dict[str, torch.Tensor] | None:
    """For each trainable part the (V + 1, D) start of its embedding; row 0 is zero."""
    if vocabulary is None:
        return None
    initial = {}
    for part in cell.parts:
        if part.trainable:
            provider = context.provider(part)
            vectors = provider.encode_types(list(vocabulary))[0]
            vectors = np.tile(vectors, (1, provider.layers[0].repeat))
            zero = np.zeros((1, vectors.shape[1]), dtype=np.float32)
            initial[part.label] = torch.from_numpy(np.concatenate([zero, vectors]))
    return initial


def _training_units(cell: Cell, data: CellData) -> Iterator[UnitBatch]:
    train_set = data.sets["train"]
    size = max(64, cell.training.batch_size)
    for indices in bounded_runs(train_set.units, size):
        yield from data.collator.batch(train_set, indices).units.values()


def _saved_parts(cell: Cell, context: RunContext) -> list[SavedPart]:
    return [
        SavedPart(
            settings=part.model_dump(mode="json"),
            fingerprint=context.provider(part).fingerprint,
            num_layers=config.num_layers,
            dim=config.dim,
            places=[place for place in cell.placements if i in cell.parts_at(place)],
        )
        for i, (part, config) in enumerate(
            zip(cell.parts, part_configs(cell, context), strict=True)
        )
    ]


def _notes(rows: list[dict[str, Any]]) -> list[str]:
    """Signs that a head did not learn: it says one thing of everything, and gold does not."""
    said = {label for row in rows for label in _labels(row["predicted"])}
    meant = {label for row in rows for label in _labels(row["gold"])}
    if len(said) == 1 < len(meant):
        return [f"predicts {said.pop()!r} throughout: it may need more epochs, patience or data"]
    return []


def _labels(annotation: Any) -> list[str]:
    """Labels or tags; none where predictions are of another kind (clusters, for instance)."""
    labels = annotation if isinstance(annotation, list) else [annotation]
    return [label for label in labels if isinstance(label, str)]


def _coverage(cell: Cell, context: RunContext) -> dict[str, dict[str, float]]:
    words = [t for sentence in context.prepared(cell).table.sentences for t in sentence]
    found = {part.label: context.provider(part).coverage(words) for part in cell.parts}
    return {name: share for name, share in found.items() if share is not None}


def _parameters(cell: Cell, context: RunContext, model: BenchModel) -> dict[str, int]:
    counts = {"head": sum(p.numel() for p in model.parameters() if p.requires_grad)}
    for part in cell.parts:
        counts[part.label] = context.provider(part).parameters
    return counts


def _signature(cell: Cell, context: RunContext, identity: dict[str, Any]) -> str:
    task, metric = context.task(cell.task, cell.fold), context.metric(cell.task)
    fold = [] if cell.fold is None else [f"fold:{cell.fold}"]
    prints = "+".join(part["fingerprint"][:8] for part in identity["parts"])
    return "|".join(
        [
            f"elmobench:{elmobench.__version__}",
            f"protocol:{PROTOCOL_VERSION}",
            f"task:{cell.task}.v{task.card.version}",
            f"data:{task.data_digest[:12]}",
            *fold,
            f"features:{cell.features}#{prints}",
            f"head:{cell.head}.v{cell.preset.version}",
            f"metric:{metric.name}.v{metric.version}",
            f"seed:{cell.seed}",
            f"threads:{cell.threads}",
        ]
    )


class _Clock:
    """Wall time of consecutive stages."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()
        self._cpu = time.process_time()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = now - self._last
        self._last = now

    def cpu(self) -> float:
        """Processor time since the start, of all threads."""
        return time.process_time() - self._cpu
