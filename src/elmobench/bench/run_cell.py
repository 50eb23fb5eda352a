"""Run one cell: train its model, score test once, and write the record."""

from __future__ import annotations

import datetime
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

import elmobench
from elmobench.bench.context import RunContext
from elmobench.bench.events import EpochDone, RunWarning
from elmobench.bench.experiment.cells import PROTOCOL_VERSION, Cell
from elmobench.bench.online_code import online_code
from elmobench.bench.plan import PlannedCell
from elmobench.bench.session import RunSession
from elmobench.bench.train_cell import (
    CellData,
    layer_norms,
    part_configs,
    prepare_data,
    train_cell,
    training_slots,
)
from elmobench.core.errors import ModelError
from elmobench.core.versions import library_versions
from elmobench.features.coverage import low_coverage
from elmobench.metrics.base import Scores
from elmobench.tasks.base import Pipeline
from elmobench.tasks.control_labels import CONTROL_VERSION, share_in_train
from elmobench.tasks.task import Task
from elmobench.tracking.host import (
    host_info,
    numerics,
    peak_memory_bytes,
    reset_peak_memory,
)
from elmobench.tracking.record import EpochRow, Result, RunInfo, RunRecord
from elmobench.tracking.run_flags import run_flags
from elmobench.training.devices import count_memory, device_kind, gpu_memory
from elmobench.training.machine import keep_memory, repeatable, torch_threads
from elmobench.training.model import BenchModel
from elmobench.training.outcome import Epoch, Training, TrainingError
from elmobench.training.saved import SavedPart, remove_model, save_model
from elmobench.training.trainer import evaluate
from elmobench.training.vector_check import uninformative_parts

T = TypeVar("T")

_FEW_KNOWN = 0.5
"""Share of test's types in train below which a control cell's record has a remark."""


@dataclass(frozen=True)
class _CellScores:
    """Scores of the trained model, and its test predictions in the order of the examples."""

    dev: Scores
    test: Scores
    predictions: list[Any]


def run_cell(planned: PlannedCell, session: RunSession) -> RunRecord:
    """Train and score a cell; write its head, predictions and record, in that order.

    The record comes last, so that an interrupted cell has none and runs again.
    """
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    keep_memory()
    count_memory(session.context.device)
    with torch_threads(planned.cell.threads), repeatable():
        return _run(planned, session, started)


def _run(planned: PlannedCell, session: RunSession, started: str) -> RunRecord:
    context, records = session.context, session.records
    reset_peak_memory()
    stopwatch = _Stopwatch()
    data = prepare_data(planned.cell, context)
    coverage = _coverage(planned.cell, context)
    found = _warnings(planned.cell, session, data, coverage)
    stopwatch.lap("prepare")

    def on_epoch(epoch: Epoch) -> None:
        with stopwatch.paused():
            session.observer.handle(EpochDone(planned.cell, epoch))

    trained = train_cell(planned.cell, context, data, on_epoch)
    cell, model, training, search = trained.cell, trained.model, trained.training, trained.search
    stopwatch.lap("train")
    # The chosen candidate's epochs; what the other candidates took is the search.
    own = min(sum(epoch.seconds for epoch in training.epochs), stopwatch.laps["train"])
    stopwatch.laps["select"] = stopwatch.laps["train"] - own if search is not None else 0.0
    stopwatch.laps["train"] -= stopwatch.laps["select"]

    scores = _score(cell, context, data, model)
    stopwatch.lap("test")
    code = online_code(cell, context, data) if cell.training.online_code else None
    if code is not None:
        stopwatch.lap("code")

    rows = _prediction_rows(cell, context, data, scores.predictions)
    unsaved = _save_head(planned.digest, cell, session, data, model)
    # A run that is killed from here on trains the cell again, whatever record it had.
    records.withdraw(planned.digest)
    predictions_digest = _written(
        lambda: records.write_predictions(planned.digest, rows), planned, session, unsaved
    )
    record = planned.record(
        context.experiment,
        status="ok",
        result=Result(
            metric=context.metric(cell.task).name,
            primary=scores.test.primary,
            test=scores.test.values,
            dev=scores.dev.values,
            per_class=scores.test.per_class,
            best_epoch=training.best.number,
            predictions_digest=predictions_digest,
            layer_weights=training.best.layer_weights,
            curve=_learning_curve(training),
            selection=search.as_json() if search else None,
            online_code=code,
            coverage=coverage,
            counts={name: len(examples) for name, examples in data.sets.items()},
            notes=[
                *found,
                *_not_frozen(cell, context),
                *_label_notes(cell, context),
                *context.task(cell.task, cell.fold).loss_notes.values(),
                *_notes(context.pipeline(cell.task), rows),
            ],
        ),
        run=_run_info(cell, context, started, stopwatch, training, model, data, planned.identity),
    )
    assert record.result is not None
    assert record.run is not None
    record.result.notes += run_flags(record).notes
    record.run.warnings += unsaved
    lost: list[str] = []
    _written(lambda: records.write(record), planned, session, lost)
    if lost:
        record.run.warnings += lost
        records.write(record)
    return record


def _warnings(
    cell: Cell, session: RunSession, data: CellData, coverage: dict[str, dict[str, float]]
) -> list[str]:
    """What makes the score of the cell say little about its features; each is shown now."""
    names = [None if part.trainable or part.finetuned else part.label for part in cell.parts]
    found = [*low_coverage(coverage), *uninformative_parts(training_slots(cell, data), names)]
    for text in found:
        session.observer.handle(RunWarning(f"{cell.label}: {text}"))
    return found


def _written(
    write: Callable[[], T], planned: PlannedCell, session: RunSession, lost: list[str]
) -> T:
    """What ``write`` returns; if the disk is full, the cell's head is given up for its result.

    Args:
        write: writes a part of the result.
        planned, session: the cell.
        lost: gets a warning if the head was given up.

    Raises:
        OSError: if nothing can be written without the head either.
    """
    try:
        return write()
    except OSError as error:
        if not remove_model(session.records.head_folder(planned.digest)):
            raise
        written = write()
        text = f"the trained head was removed to write the result: {error.strerror}"
        session.observer.handle(RunWarning(f"{planned.cell.label}: {text}"))
        lost.append(text)
        return written


def _score(cell: Cell, context: RunContext, data: CellData, model: BenchModel) -> _CellScores:
    """Score dev and test with the trained model."""
    pipeline, metric = context.pipeline(cell.task), context.metric(cell.task)
    size = cell.training.batch_size
    dev, _ = evaluate(model, data.collator, data.sets["dev"], pipeline, metric, size)
    test, predictions = evaluate(model, data.collator, data.sets["test"], pipeline, metric, size)
    for split, scores in (("dev", dev), ("test", test)):
        for name, value in scores.values.items():
            if not math.isfinite(value):
                raise TrainingError(
                    f"the metric's {name} on {split} is {value}",
                    where=cell.task,
                    fix="look at the metric: a score may be undefined for few examples, or for "
                    "predictions that are all the same",
                )
    return _CellScores(dev, test, predictions)


def _save_head(
    digest: str, cell: Cell, session: RunSession, data: CellData, model: BenchModel
) -> list[str]:
    """Save the trained head; returns a warning if that is impossible, since the result counts."""
    try:
        _save(digest, cell, session, data, model)
    except ModelError as error:
        lost = "the trained head was not saved"
        session.observer.handle(RunWarning(f"{cell.label}: {lost}: {error}"))
        return [f"{lost}: {error.what}"]
    return []


def _save(digest: str, cell: Cell, session: RunSession, data: CellData, model: BenchModel) -> None:
    experiment = session.context.experiment
    save_model(
        session.records.head_folder(digest),
        model,
        pipeline=cell.pipeline,
        head=cell.head,
        options=cell.options.model_dump(mode="json"),
        codec=data.codec,
        parts=_saved_parts(cell, session.context),
        placements=cell.placements,
        standardize=cell.mix.standardize,
        vocabulary=data.vocabulary,
        models=experiment.models,
        models_base=experiment.base,
    )


def _prediction_rows(
    cell: Cell, context: RunContext, data: CellData, predictions: list[Any]
) -> list[dict[str, Any]]:
    """Test predictions with their gold annotation and resampling unit, one row per example."""
    task, pipeline = context.task(cell.task, cell.fold), context.pipeline(cell.task)
    return [
        {
            "id": example.id,
            "unit": task.resampling_unit(example),
            "gold": pipeline.gold(example),
            "predicted": prediction,
        }
        for example, prediction in zip(data.sets["test"].examples, predictions, strict=True)
    ]


def _learning_curve(training: Training) -> list[EpochRow]:
    return [
        EpochRow(
            epoch=epoch.number,
            train_loss=epoch.train_loss,
            dev=epoch.dev,
            layer_weights=epoch.layer_weights,
        )
        for epoch in training.epochs
    ]


def _run_info(
    cell: Cell,
    context: RunContext,
    started: str,
    stopwatch: _Stopwatch,
    training: Training,
    model: BenchModel,
    data: CellData,
    identity: dict[str, Any],
) -> RunInfo:
    """Costs and provenance of the finished cell."""
    frozen = [part for part in cell.parts if not part.finetuned]
    views = {part.label: context.view(cell, part) for part in frozen}
    return RunInfo(
        started=started,
        seconds={
            **stopwatch.laps,
            "cpu": stopwatch.cpu(),
            "epoch_mean": float(np.mean([epoch.seconds for epoch in training.epochs])),
        },
        peak_memory_bytes=peak_memory_bytes(),
        gpu_memory_bytes=gpu_memory(context.device),
        parameters=_parameters(cell, context, model),
        bytes_per_token={label: view.nbytes_per_token for label, view in views.items()},
        vectors={label: view.digest for label, view in views.items()},
        encoded_by={label: view.encoded_by for label, view in views.items()},
        layer_norms=layer_norms(cell, context, data),
        versions=library_versions(),
        host=host_info(cell.threads),
        numerics=numerics(context.device.type),
        signature=_signature(cell, context, identity),
        dropped=_dropped(context.task(cell.task, cell.fold)),
    )


def _dropped(task: Task) -> dict[str, dict[str, int]]:
    """What the reader left out or changed, by split; splits without any are absent."""
    return {split: dict(sorted(found.items())) for split, found in task.dropped.items() if found}


def _saved_parts(cell: Cell, context: RunContext) -> list[SavedPart]:
    return [
        SavedPart(
            settings=part.model_dump(mode="json"),
            fingerprint=context.provider(part).fingerprint,
            num_layers=config.num_layers,
            dim=config.dim,
            places=[place for place in cell.placements if i in cell.parts_at(place)],
            static=config.static,
            device=device_kind(str(getattr(context.provider(part), "device", "cpu"))),
        )
        for i, (part, config) in enumerate(
            zip(cell.parts, part_configs(cell, context), strict=True)
        )
    ]


def _label_notes(cell: Cell, context: RunContext) -> list[str]:
    """Remarks on the labels of the data or, of control labels, on how many can be known."""
    if cell.labels == "given":
        return context.task(cell.task, cell.fold).label_notes
    pipeline, prepared = context.pipeline(cell.task), context.prepared(cell)
    train, test = (
        [kind for example in examples for kind, _ in pipeline.items_of(example)]
        for examples in (prepared.train_examples, prepared.sets["test"].examples)
    )
    share = share_in_train(train, test)
    if share is None or share >= _FEW_KNOWN:
        return []
    return [
        f"{100 * share:.0f} % of the control labels in test are of types that train has; all "
        "others can only be guessed, so a low score says little about the probe"
    ]


def _not_frozen(cell: Cell, context: RunContext) -> list[str]:
    """One remark per model that was trained with the head."""
    return [
        f"not frozen: the {context.provider(part).parameters:,} weights of {part.name} were "
        "trained together with the head"
        for part in cell.parts
        if part.finetuned
    ]


def _notes(pipeline: Pipeline[Any], rows: list[dict[str, Any]]) -> list[str]:
    """A warning if the predictions show that the head has not learned."""
    note = pipeline.note_on(*([row[key] for row in rows] for key in ("gold", "predicted")))
    return [] if note is None else [note]


def _coverage(cell: Cell, context: RunContext) -> dict[str, dict[str, float]]:
    """Part label -> share of tokens and types with a vector, of parts that may lack some."""
    words = [t for sentence in context.prepared(cell).table.sentences for t in sentence]
    coverage = {part.label: context.provider(part).coverage(words) for part in cell.parts}
    return {label: shares for label, shares in coverage.items() if shares is not None}


def _parameters(cell: Cell, context: RunContext, model: BenchModel) -> dict[str, int]:
    """Trainable parameters of mix and head, and each provider's own."""
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    counts = {"head": trained - sum(p.numel() for p in model.encoders.parameters())}
    for part in cell.parts:
        counts[part.label] = context.provider(part).parameters
    return counts


def _signature(cell: Cell, context: RunContext, identity: dict[str, Any]) -> str:
    """One line that names everything the scores depend on."""
    task, metric = context.task(cell.task, cell.fold), context.metric(cell.task)
    fold = [] if cell.fold is None else [f"fold:{cell.fold}"]
    control = [f"labels:control.v{CONTROL_VERSION}"] if cell.labels == "control" else []
    fingerprints = "+".join(part["fingerprint"][:8] for part in identity["parts"])
    return "|".join(
        [
            f"elmobench:{elmobench.__version__}",
            f"protocol:{PROTOCOL_VERSION}",
            f"task:{cell.task}.v{task.card.version}",
            f"data:{task.data_digest[:12]}",
            *fold,
            *control,
            f"features:{cell.features}#{fingerprints}",
            f"head:{cell.head}.v{cell.preset.version}",
            f"metric:{metric.name}.v{metric.version}",
            f"seed:{cell.seed}",
            f"threads:{cell.threads}",
        ]
    )


class _Stopwatch:
    """Wall time of consecutive stages, and processor time."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()
        self._cpu = time.process_time()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = now - self._last
        self._last = now

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out the time inside the block, which is not the cell's."""
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self._last += time.perf_counter() - wall
            self._cpu += time.process_time() - cpu

    def cpu(self) -> float:
        """Processor time since the start, of all threads."""
        return time.process_time() - self._cpu
