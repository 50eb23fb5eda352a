"""Every head trains and predicts on a second kind of device, as it does on the processor.

The results of the processor are those of ``frozen_results.json``, to the bit. A tensor that a head
makes on the wrong device is an error; see ``second_device``.
"""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import frozen_results
import numpy as np
import pytest
import torch
from second_device import FarTensor, WrongDeviceError, second_device
from small_cells import NAMES, experiment, shipped_cards, trained_here

from elmobench.bench import context as contexts
from elmobench.bench.context import RunContext
from elmobench.bench.experiment.schema import Experiment, parse_experiment
from elmobench.bench.jobs import PendingCell
from elmobench.bench.launchers.local import run_pending
from elmobench.bench.plan import make_plan
from elmobench.bench.session import RunSession
from elmobench.bench.train_cell import TrainedCell, prepare_data, train_cell
from elmobench.data.cards.catalog import CardCatalog
from elmobench.tracking.record_store import RecordStore
from elmobench.training import resident
from elmobench.training.machine import repeatable, torch_threads
from elmobench.training.saved import load_model
from elmobench.training.trainer import predict_all

QUICK = {"linear", "first-sense"}
HEADS = [
    pytest.param(name, marks=[] if name.partition("/")[2] in QUICK else pytest.mark.slow)
    for name in NAMES
]


def trained(settings: Experiment, store: Path) -> tuple[TrainedCell, list[Any]]:
    """The cell after training, and its predictions on test."""
    context = RunContext(settings, shipped_cards(), store)
    (planned,) = make_plan(context)
    cell = planned.cell
    for part in cell.parts:
        context.store.build(context.provider(part), context.sentences(cell))
    with torch_threads(1), repeatable():
        data = prepare_data(cell, context)
        outcome = train_cell(cell, context, data)
        return outcome, predict_all(outcome.model, data.collator, data.sets["test"], 4)


@pytest.mark.parametrize("name", HEADS)
def test_a_head_trains_and_predicts_on_another_device(name: str, tmp_path: Path) -> None:
    expected = trained_here(name, tmp_path)
    frozen_results.check("cells", name, frozen_results.of_result(expected.result))
    with second_device() as device:
        settings = experiment(name).with_device(device.type)
        there, predictions = trained(settings, tmp_path / "store")
    state = there.model.state_dict()
    assert all(isinstance(value, FarTensor) for value in state.values())
    assert _rounded(predictions) == _rounded(expected.predictions)
    loss, other = expected.result.curve[-1].train_loss, there.training.best.train_loss
    assert (loss is None) == (other is None)
    if loss is not None:
        assert other == pytest.approx(loss, rel=1e-5, abs=1e-6)
    assert state.keys() == expected.state.keys()
    for key, value in expected.state.items():
        # Adam takes a whole step for a gradient near zero, whose sign rounding decides.
        torch.testing.assert_close(state[key].cpu(), value, rtol=1e-2, atol=5e-3)


def _rounded(predictions: list[Any]) -> list[Any]:
    """Predictions that are numbers, to three decimals."""
    return [round(value, 3) if isinstance(value, float) else value for value in predictions]


def test_a_cell_of_another_device_is_another_cell_and_its_head_loads_here(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    settings = parse_experiment({**tiny, "features": ["random"]})
    catalog, store = CardCatalog([cards]), tmp_path / "store"
    records = RecordStore(tmp_path / "results")
    found = {}
    for device in ("cpu", "meta"):
        context = RunContext(settings.with_device(device), catalog, store)
        (planned,) = make_plan(context)
        cell = planned.cell
        assert planned.identity["device"] == device
        for part in cell.parts:
            context.store.build(context.provider(part), context.sentences(cell))
        pending = PendingCell(planned, None)
        with second_device() if device == "meta" else nullcontext():
            assert run_pending(pending, RunSession(context, records, _Quiet()), wait=True)
        record = records.read(planned.digest)
        assert record is not None
        assert record.status == "ok", record.error
        found[device] = planned.digest, record
        model, _ = load_model(records.head_folder(planned.digest))
        assert {value.device.type for value in model.state_dict().values()} == {"cpu"}
    assert found["cpu"][0] != found["meta"][0]
    here, there = (record.result for _, record in found.values())
    assert here is not None
    assert there is not None
    assert here.test == there.test


class _Quiet:
    def handle(self, event: object) -> None:
        """Do nothing."""


def test_vectors_that_stay_on_the_device_are_those_of_the_store(
    cards: Path, tiny: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from elmobench.data.cards.catalog import CardCatalog

    monkeypatch.setattr(resident, "_TOKENS_PER_COPY", 30)
    for precision in ("fp16", "fp32", "int8"):
        values = {**tiny, "features": ["elmo-random"], "settings": {"precision": precision}}
        settings = parse_experiment(values)
        context = RunContext(settings.with_device("meta"), CardCatalog([cards]), tmp_path)
        (planned,) = make_plan(context)
        cell = planned.cell
        (part,) = cell.parts
        context.store.build(context.provider(part), context.sentences(cell))
        view = context.view(cell, part)
        assert context.source(cell, part, None) is view  # there is no room
        monkeypatch.setattr(contexts, "room", lambda device: 1 << 30)
        with second_device():
            for layers in (None, (2, 0)):
                source = context.source(cell, part, layers)
                assert source is context.source(cell, part, layers)
                rows = np.array([3, 0, 3, 1, 17])
                there = source.gather(rows, layers)
                assert isinstance(there, FarTensor)
                expected = torch.from_numpy(view.gather(rows, layers))
                assert torch.equal(there.cpu(), expected)
        monkeypatch.undo()
        monkeypatch.setattr(resident, "_TOKENS_PER_COPY", 30)


def test_the_second_device_notices_what_a_gpu_would() -> None:
    with second_device() as device:
        far, near = torch.ones(3, device=device), torch.ones(3)
        with pytest.raises(WrongDeviceError):
            far + near
        with pytest.raises(WrongDeviceError):
            far.numpy()
        with pytest.raises(WrongDeviceError):
            torch.ones(3, 2, device=device)[[0, 1]]
        assert (far + 1.0 + torch.tensor(1.0)).tolist() == [3.0, 3.0, 3.0]
        assert json.dumps(far.tolist()) == "[1.0, 1.0, 1.0]"
