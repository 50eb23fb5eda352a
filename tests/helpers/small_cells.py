"""One cell per head, on a few examples of its pipeline's control, trained on the processor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from torch import Tensor

from elmobench.bench.context import RunContext
from elmobench.bench.experiment.schema import Experiment, parse_experiment
from elmobench.bench.jobs import PendingCell
from elmobench.bench.launchers.local import run_pending
from elmobench.bench.plan import make_plan
from elmobench.bench.session import RunSession
from elmobench.data.cards.catalog import CardCatalog
from elmobench.tasks.registries import HEADS, PIPELINES
from elmobench.tracking.record import Result
from elmobench.tracking.record_store import RecordStore
from elmobench.training.machine import torch_threads
from elmobench.training.saved import load_model

NAMES = sorted(name for name in HEADS.names() if name.partition("/")[0] in PIPELINES.names())
"""``PIPELINE/HEAD`` of all heads."""


@dataclass(frozen=True)
class SmallCell:
    """A cell that was trained on the processor.

    Attributes:
        result: of its record.
        predictions: on test.
        state: of the trained head.
    """

    result: Result
    predictions: list[Any]
    state: dict[str, Tensor]


@cache
def shipped_cards() -> CardCatalog:
    """The shipped cards, which are read once."""
    return CardCatalog()


def experiment(name: str) -> Experiment:
    """One epoch of the head ``name`` on a few examples of its pipeline's control."""
    pipeline, _, head = name.partition("/")
    return parse_experiment(
        {
            "name": "small-cells",
            "tasks": [f"{pipeline}/control-{pipeline}"],
            "features": ["random+elmo-random"],
            "heads": [head],
            "seeds": [1],
            "limit": 1 if pipeline == "coref" else 2,
            "settings": {"threads": 1},
            "overrides": [{"set": {"training.epochs": 1, "training.grid": {}}}],
        }
    )


def trained_here(name: str, folder: Path) -> SmallCell:
    """Train the cell of the head ``name`` on the processor, as ``elmobench run`` does.

    Args:
        name: one of :data:`NAMES`.
        folder: gets the store, and the results in a folder of their own.
    """
    context = RunContext(experiment(name), shipped_cards(), folder / "store")
    (planned,) = make_plan(context)
    with torch_threads(1):
        for part in planned.cell.parts:
            context.store.build(context.provider(part), context.sentences(planned.cell))
    records = RecordStore(folder / name.replace("/", "-"))
    run_pending(PendingCell(planned, None), RunSession(context, records, _Quiet()), wait=True)
    record = records.read(planned.digest)
    assert record is not None
    assert record.result is not None, record.error
    predictions = [row["predicted"] for row in records.read_predictions(planned.digest)]
    model, _ = load_model(records.head_folder(planned.digest))
    return SmallCell(record.result, predictions, dict(model.state_dict()))


class _Quiet:
    def handle(self, event: object) -> None:
        """Do nothing."""
