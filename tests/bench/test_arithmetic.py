"""Heads in bf16: another cell than in float32, with a saved head that predicts as it was scored."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from elmobench.bench.context import RunContext
from elmobench.bench.experiment.schema import parse_experiment
from elmobench.bench.jobs import PendingCell
from elmobench.bench.launchers.local import run_pending
from elmobench.bench.plan import make_plan
from elmobench.bench.session import RunSession
from elmobench.bench.train_cell import prepare_data, train_cell
from elmobench.data.cards.catalog import CardCatalog
from elmobench.nn.full_precision import in_full_precision
from elmobench.tracking.record_store import RecordStore
from elmobench.training.saved import load_model
from elmobench.training.trainer import predict_all

HEADS = [
    "ner/linear",
    "qa/linear",
    "wsd/linear",
    "coref/linear",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("qa/small", "srl/paper")),
]


class _Quiet:
    def handle(self, event: object) -> None:
        """Do nothing."""


def test_bf16_is_another_cell_and_its_saved_head_predicts_in_bf16(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    found = {}
    for arithmetic in (None, "float32", "bf16"):
        changes = {} if arithmetic is None else {"training.arithmetic": arithmetic}
        values = {
            **tiny,
            "tasks": ["ner/tiny"],
            "features": ["random"],
            "heads": ["linear"],
            "overrides": [{"set": {"training.epochs": 2, "training.grid": {}, **changes}}],
        }
        context = RunContext(parse_experiment(values), CardCatalog([cards]), tmp_path / "store")
        (planned,) = make_plan(context)
        for part in planned.cell.parts:
            context.store.build(context.provider(part), context.sentences(planned.cell))
        records = RecordStore(tmp_path / f"results-{arithmetic}")
        session = RunSession(context, records, _Quiet())
        assert run_pending(PendingCell(planned, None), session, wait=True)
        record = records.read(planned.digest)
        assert record is not None
        assert record.result is not None, record.error
        model, saved = load_model(records.head_folder(planned.digest))
        assert saved.arithmetic == (arithmetic or "float32")
        data = prepare_data(planned.cell, context)
        predictions = predict_all(
            model, data.collator, data.sets["test"], planned.cell.training.batch_size
        )
        rows = records.read_predictions(planned.digest)
        assert [row["predicted"] for row in rows] == predictions
        found[arithmetic] = planned.digest, record.result.curve
    # The default is not part of the identity: cells of before have their names.
    assert found[None] == found["float32"]
    assert found[None][0] != found["bf16"][0]
    losses = [[row.train_loss for row in found[name][1]] for name in ("float32", "bf16")]
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)


@pytest.mark.parametrize("name", HEADS)
def test_a_head_trains_in_bf16_about_as_in_float32(name: str, tmp_path: Path) -> None:
    pipeline, _, head = name.partition("/")
    losses, states = [], []
    for arithmetic in ("float32", "bf16"):
        changes = {"training.epochs": 1, "training.grid": {}, "training.arithmetic": arithmetic}
        settings = parse_experiment(
            {
                "name": "arithmetic",
                "tasks": [f"{pipeline}/control-{pipeline}"],
                "features": ["random"],
                "heads": [head],
                "limit": 1 if pipeline == "coref" else 4,
                "overrides": [{"set": changes}],
            }
        )
        context = RunContext(settings, None, tmp_path)
        (planned,) = make_plan(context)
        for part in planned.cell.parts:
            context.store.build(context.provider(part), context.sentences(planned.cell))
        trained = train_cell(planned.cell, context, prepare_data(planned.cell, context))
        losses.append(trained.training.best.train_loss)
        states.append(trained.model.state_dict())
    assert losses[1] == pytest.approx(losses[0], rel=0.01)
    assert all(value.dtype != torch.bfloat16 for value in states[1].values())


def test_a_recurrence_gets_float32_and_products_around_it_are_in_bf16() -> None:
    class Seen(torch.autograd.Function):
        @staticmethod
        def forward(ctx: object, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            assert x.dtype == y.dtype == torch.float32
            assert not torch.is_autocast_enabled("cpu")
            return x + y

        @staticmethod
        def backward(ctx: object, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return grad, grad

    layer = nn.Linear(3, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        x = layer(torch.ones(2, 3))
        assert x.dtype == torch.bfloat16
        assert in_full_precision(Seen, x, x).dtype == torch.float32
    assert in_full_precision(Seen, x.float(), x.float()).dtype == torch.float32
