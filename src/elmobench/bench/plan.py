"""The plan of a run: every point of the grid with its identity, checked before any work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from elmobench.bench.context import RunContext
from elmobench.bench.experiment.cells import Cell, cell_digest
from elmobench.bench.experiment.schema import Experiment
from elmobench.bench.missing_files import MissingFiles
from elmobench.bench.search import candidates, with_candidate
from elmobench.tracking.record import RunRecord


@dataclass(frozen=True)
class PlannedCell:
    """A point of the grid.

    Attributes:
        cell: with every option resolved.
        identity: everything its result depends on.
        digest: names the cell. Two points with equal identities (for instance if an axis does not
            apply to the features) have one digest and share one record.
        corpus, same_as: corpus and published data set of the task's card, for the record.
    """

    cell: Cell
    identity: dict[str, Any]
    digest: str
    corpus: str
    same_as: str | None

    @property
    def point(self) -> dict[str, Any]:
        """The names of the cell in this experiment; kept in its results."""
        return {
            "cell": self.digest,
            "task": self.cell.task,
            "features": self.cell.features,
            "head": self.cell.head,
            "seed": self.cell.seed,
            "axes": self.cell.axes,
            "corpus": self.corpus,
            "same_as": self.same_as,
        }

    def record(self, experiment: Experiment, **outcome: Any) -> RunRecord:
        """The record of this cell.

        Args:
            experiment: the experiment.
            outcome: ``status``, with ``result`` and ``run``, or with ``error``.
        """
        return RunRecord(
            cell=self.digest,
            experiment=experiment.name,
            pipeline=self.cell.pipeline,
            identity=self.identity,
            caveats=list(experiment.caveats),
            **{name: value for name, value in self.point.items() if name != "cell"},
            **outcome,
        )

    @property
    def lock(self) -> str:
        """Name of the lock that a process holds while it trains the cell."""
        return self.digest


def make_plan(
    context: RunContext, on_task: Callable[[str], object] | None = None
) -> list[PlannedCell]:
    """Every point of the experiment's grid, after checking everything that can be checked.

    Args:
        context: of the experiment; this loads its tasks and providers.
        on_task: called with the name of each task before it is loaded.

    Raises:
        ElmobenchError: if anything in the experiment is wrong.
    """
    plan = []
    announced: set[str] = set()
    for cell in context.grid_cells:
        if cell.task not in announced:
            announced.add(cell.task)
            context.release()
            if on_task is not None:
                on_task(cell.task)
        plan.append(_planned(context, cell))
    context.release()
    return plan


def make_plan_without(
    context: RunContext, missing: Sequence[MissingFiles]
) -> tuple[list[PlannedCell], list[Cell]]:
    """Every point of the grid that can be checked without the missing files, and the others.

    Of the others the part that needs no missing file is checked: names, options and heads, and the
    task or the models if these are here.

    Raises:
        ElmobenchError: if anything that can be checked is wrong.
    """
    tasks = {one.name for one in missing if one.kind == "task"}
    models = {one.name for one in missing if one.kind == "model"}
    plan: list[PlannedCell] = []
    unchecked: list[Cell] = []
    for cell in context.grid_cells:
        absent = models.intersection(part.name for part in cell.parts)
        if cell.task not in tasks and not absent:
            plan.append(_planned(context, cell))
            continue
        unchecked.append(cell)
        _check_candidates(cell)
        if cell.task not in tasks:
            context.metric(cell.task)
            context.data_digest(cell.task, cell.fold)
        if not absent:
            context.check(cell)
    return plan, unchecked


def _planned(context: RunContext, cell: Cell) -> PlannedCell:
    context.check(cell)
    _check_candidates(cell)
    identity = context.identity(cell)
    card = context.task(cell.task).card
    return PlannedCell(cell, identity, cell_digest(identity), card.corpus_name, card.same_as)


def _check_candidates(cell: Cell) -> None:
    for candidate in candidates(cell.training):
        with_candidate(cell, candidate)
