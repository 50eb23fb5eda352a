"""The loop that trains every kind of model: resume, step, report, write checkpoints, stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
from torch import Tensor

from elmobench.pretraining.checkpoints import Checkpoint, CheckpointFolder
from elmobench.pretraining.distributed import ProcessGroup
from elmobench.pretraining.divergence import LossWatch, check_finite, warn_of_guessing
from elmobench.pretraining.log_file import LogFile
from elmobench.pretraining.progress import (
    Heldout,
    ProgressCallback,
    StopCheck,
    TrainingProgress,
)
from elmobench.pretraining.summary import ModelSummary
from elmobench.pretraining.writing import writing

LOG = "log.jsonl"


class Trainer(Protocol):
    """A model in training with its optimizer and its position in the text.

    Attributes:
        kind: ``bilm``, ``glove``, ``fasttext`` or ``bert``.
        step: steps done.
        total_steps: steps of the whole run.
    """

    kind: ClassVar[str]
    step: int
    total_steps: int

    @property
    def guessing(self) -> float | None:
        """The held-out loss of a model that knows nothing: in nats, if all predictions are equally
        likely; for GloVe, of vectors of zeros. None if nothing is held out."""

    @property
    def units_read(self) -> int:
        """Tokens, pieces or cells read so far; speeds are computed from it."""

    def train_step(self) -> float:
        """Do one step and count it. Returns its mean loss."""

    def progress_values(self, loss: float, units_per_second: float) -> dict[str, float]:
        """:attr:`TrainingProgress.values`, from the mean loss and the speed since the last
        report; NaN if there was no step since."""

    def measure_heldout(self) -> Heldout:
        """Measure on held-out data: on all of it if training is finished, else on a part."""

    def state(self) -> dict[str, Tensor]:
        """All tensors that resuming needs, by name. Every process of a group must call it."""

    def comparable(self, heldout: Heldout) -> Heldout:
        """The measurement in the unit of :attr:`guessing`."""

    def checkpoint_facts(self) -> dict[str, Any]:
        """Further values that go into the checkpoint; plain JSON."""

    def load(self, checkpoint: Checkpoint) -> None:
        """Resume from ``checkpoint``, which :meth:`state` was written to."""

    def summary(self, measured: Mapping[str, Any], folder: Path) -> ModelSummary:
        """Facts of the finished model for its card.

        Args:
            measured: the log row of the last measurement.
            folder: where the model was exported to.
        """


AnyTrainer = TypeVar("AnyTrainer", bound=Trainer)


@dataclass(frozen=True, kw_only=True)
class LoopOptions:
    """How a training runs; nothing here but ``threads`` and ``device`` changes its results.

    Attributes:
        threads: torch threads; results depend on their number in the last bits.
        device: ``cpu``, ``cuda`` or ``cuda:N``; results depend on its kind in the last bits.
        report_steps: number of steps between two reports.
        checkpoint_seconds: time between two checkpoints.
        stop_requested: called after each step; if it returns True, training ends after a
            checkpoint.
        on_progress: called with each report.
    """

    threads: int = 2
    device: str = "cpu"
    report_steps: int = 50
    checkpoint_seconds: float = 600.0
    stop_requested: StopCheck = lambda: False
    on_progress: ProgressCallback | None = None


@dataclass(frozen=True)
class TrainingResult(Generic[AnyTrainer]):
    """The outcome of a training run.

    Attributes:
        trainer: the model in its last state.
        measured: the last log row with a measurement on held-out data; None if there is none. In
            distributed training only the first process has it.
        processor_seconds: processor time of all steps, over all threads; None if it is not known,
            as for several processes, or if the training began with an earlier version.
    """

    trainer: AnyTrainer
    measured: Mapping[str, Any] | None
    processor_seconds: float | None = None

    @property
    def is_finished(self) -> bool:
        """Whether all steps are done."""
        return self.trainer.step >= self.trainer.total_steps


def train(
    trainer: AnyTrainer,
    options: LoopOptions,
    *,
    out: Path,
    folder: CheckpointFolder,
    checkpoint: Checkpoint | None,
    export: Callable[[], object] | None = None,
    group: ProcessGroup | None = None,
    ask_before_first_step: bool = False,
) -> TrainingResult[AnyTrainer]:
    """Train until the last step or until a stop is requested.

    Args:
        trainer: the model as it is before training.
        options: see :class:`LoopOptions`.
        out: folder of the model, which receives ``log.jsonl``.
        folder: receives the checkpoints.
        checkpoint: where to resume; None to train from the start.
        export: writes the model as it is; called after each checkpoint.
        group: processes that train together; the first one measures and writes.
        ask_before_first_step: whether ``stop_requested`` is called before the first step too.

    Raises:
        ModelError: if something cannot be written.
        ElmobenchError: see ``trainer.train_step``.
    """
    group = group or ProcessGroup()
    if checkpoint is not None:
        trainer.load(checkpoint)
    if group.is_first:
        LogFile(out / LOG).cut(None if checkpoint is None else checkpoint.facts.get("log"))
    loop = _Loop(
        trainer, options, out=out, folder=folder, export=export, group=group, checkpoint=checkpoint
    )
    if trainer.step >= trainer.total_steps:
        # The run may have been killed between its last checkpoint and the export.
        loop.export()
    stopping = ask_before_first_step and group.any(options.stop_requested())
    while trainer.step < trainer.total_steps and not stopping:
        loop.train_step()
        finished = trainer.step >= trainer.total_steps
        stopping = group.any(options.stop_requested())
        if group.any(stopping or finished or loop.checkpoint_is_due):
            loop.write_checkpoint()
    return TrainingResult(trainer, loop.measured, loop.processor_seconds)


class _Loop:
    """Clocks, log and checkpoints of one training run; arguments as of :func:`train`."""

    def __init__(
        self,
        trainer: Trainer,
        options: LoopOptions,
        *,
        out: Path,
        folder: CheckpointFolder,
        export: Callable[[], object] | None,
        group: ProcessGroup,
        checkpoint: Checkpoint | None,
    ) -> None:
        self._trainer, self._options, self._group = trainer, options, group
        self._log, self._folder, self._export = LogFile(out / LOG), folder, export
        self._last_checkpoint = time.perf_counter()
        facts = {} if checkpoint is None else checkpoint.facts
        self._seconds = float(facts.get("seconds", 0.0))
        self.processor_seconds: float | None = 0.0
        if checkpoint is not None:
            self.processor_seconds = facts.get("processor_seconds")
        if group.size > 1:
            self.processor_seconds = None
        self._watch = LossWatch(trainer.kind, facts.get("first_loss"))
        # Since the last report:
        self._losses: list[float] = []
        self._step_seconds = 0.0
        self._units_before = trainer.units_read
        self._units_per_second = math.nan
        self.measured: Mapping[str, Any] | None = facts.get("measured") if group.is_first else None

    @property
    def checkpoint_is_due(self) -> bool:
        """Whether the last checkpoint is old enough for another one."""
        return time.perf_counter() - self._last_checkpoint >= self._options.checkpoint_seconds

    def train_step(self) -> None:
        """Do one step; report if a report is due."""
        start, processor_start = time.perf_counter(), time.process_time()
        self._losses.append(self._trainer.train_step())
        self._step_seconds += time.perf_counter() - start
        if self.processor_seconds is not None:
            self.processor_seconds += time.process_time() - processor_start
        if len(self._losses) >= self._options.report_steps:
            self._report()

    def _report(self, heldout: Heldout | None = None) -> TrainingProgress:
        """Write a row to the log and call ``on_progress``, both in the first process only."""
        trainer = self._trainer
        loss = math.nan
        if self._losses:
            loss = float(np.mean(self._losses))
            read = trainer.units_read - self._units_before
            self._units_per_second = read / max(self._step_seconds, 1e-9)
            if self._group.is_first:
                self._watch.add(loss, len(self._losses), trainer.step)
        self._seconds += self._step_seconds
        self._losses, self._step_seconds = [], 0.0
        self._units_before = trainer.units_read
        progress = TrainingProgress(
            kind=trainer.kind,
            step=trainer.step,
            total=trainer.total_steps,
            values=trainer.progress_values(loss, self._units_per_second),
            heldout=heldout,
            seconds=self._seconds,
        )
        if self._group.is_first:
            row = progress.log_row()
            self._log.append(row)
            if heldout is not None:
                self.measured = row
            if self._options.on_progress is not None:
                self._options.on_progress(progress)
        return progress

    def write_checkpoint(self) -> None:
        """Measure, write the state, then export the model."""
        trainer = self._trainer
        state = trainer.state()
        if self._group.is_first:
            heldout = trainer.measure_heldout()
            check_finite(heldout, trainer.step)
            if trainer.step >= trainer.total_steps and trainer.guessing is not None:
                warn_of_guessing(trainer.kind, trainer.comparable(heldout), trainer.guessing)
            self._report(heldout)
            facts = {
                "seconds": self._seconds,
                "processor_seconds": self.processor_seconds,
                "measured": self.measured,
                "first_loss": self._watch.first,
                "log": self._log.state(),
                **trainer.checkpoint_facts(),
            }
            self._folder.write(trainer.step, state, facts)
        else:
            self._report()
        self.export()
        self._group.barrier()
        self._last_checkpoint = time.perf_counter()

    def export(self) -> None:
        """Write the model as it is, in the first process only."""
        if self._group.is_first and self._export is not None:
            with writing(self._log.path.parent):
                self._export()
