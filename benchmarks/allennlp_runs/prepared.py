"""What both systems need for one comparison: the part of the data, the cells, the ELMo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.allennlp_runs.comparisons import Comparison
from benchmarks.allennlp_runs.configuration import Elmo
from benchmarks.allennlp_runs.part import Part, write_part
from benchmarks.allennlp_runs.processes import THREADS
from benchmarks.allennlp_runs.records import Run, Seconds, System, unit_counts
from elmobench.bench.context import RunContext
from elmobench.bench.experiment.cells import Cell
from elmobench.bench.experiment.schema import Experiment
from elmobench.bench.plan import PlannedCell, make_plan
from elmobench.core.digests import digest_of, file_sha256
from elmobench.data.cards.catalog import CardCatalog
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.metrics.base import get_metric
from elmobench.tasks.base import Pipeline
from elmobench.tasks.task import Task, load_task
from elmobench.tracking.host import host_info


@dataclass(frozen=True)
class Prepared:
    """One comparison with its data written.

    Attributes:
        comparison: what is compared.
        folder: scratch folder of the comparison.
        part: the data.
        experiment: ours, on the part.
        planned: seed -> our cell.
        elmo: the model's files and width.
        task: the part, as we read it.
        pipeline: of the task.
    """

    comparison: Comparison
    folder: Path
    part: Part
    experiment: Experiment
    planned: dict[int, PlannedCell]
    elmo: Elmo
    task: Task
    pipeline: Pipeline[Any]

    def cell(self, seed: int) -> Cell:
        """Our cell with ``seed``."""
        return self.planned[seed].cell

    def record(
        self,
        system: System,
        seed: int,
        answers: list[Any],
        *,
        wall: Seconds,
        cpu: Seconds,
        **values: Any,
    ) -> Run:
        """The record of a run that predicted ``answers`` on test."""
        examples, metric = self.task.split("test"), get_metric(self.task.card.metric)
        gold = [self.pipeline.gold(example) for example in examples]
        units = [self.pipeline.resampling_unit(example) for example in examples]
        override = self.experiment.overrides[0].set if self.experiment.overrides else {}
        return Run(
            comparison=self.comparison.name,
            system=system,
            seed=seed,
            task=self.task.id,
            metric=metric.name,
            score=metric.compute(gold, answers).score,
            epochs=self.cell(seed).training.epochs,
            sizes=dict(self.part.examples),
            tokens={
                split: sum(len(example.tokens) for example in self.task.split(split))
                for split in self.task.splits
            },
            options=dict(override),
            data=dict(self.part.sha256),
            model={f.name: file_sha256(f) for f in (self.elmo.options, self.elmo.weights)},
            wall=wall,
            cpu=cpu,
            host=host_info(THREADS),
            gold=digest_of([[e.id, g] for e, g in zip(examples, gold, strict=True)]),
            counts=unit_counts(metric.name, gold, answers, units),
            **values,
        )


def prepare(
    comparison: Comparison, experiment: Experiment, seeds: list[int], work: Path
) -> Prepared:
    """Write the part of the data and resolve our cells.

    Args:
        comparison: what is compared.
        experiment: ours, on the whole data.
        seeds: of the runs.
        work: scratch folder.
    """
    folder = work / comparison.name
    part = write_part(load_task(experiment.tasks[0]), comparison, folder)
    experiment = experiment.model_copy(update={"tasks": (part.task,), "seeds": tuple(seeds)})
    context = RunContext(experiment, CardCatalog([part.cards]), folder / "unused-store")
    planned = {cell.cell.seed: cell for cell in make_plan(context)}
    (features,) = planned[seeds[0]].cell.parts
    catalog = ModelCatalog(experiment.models, experiment.base)
    files = {file.role: file.path for file in catalog.files(features.name) if file.path}
    task = context.task(part.task)
    return Prepared(
        comparison,
        folder,
        part,
        experiment,
        planned,
        Elmo(files["options"], files["weights"], context.provider(features).dim),
        task,
        task.pipeline,
    )
