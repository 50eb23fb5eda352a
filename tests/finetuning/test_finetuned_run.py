"""Runs with models that are trained together with the head: ``name(finetuned)``."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from elmobench import FrozenFeatures, load_provider
from elmobench.bench.context import RunContext
from elmobench.bench.estimate import estimate_encoding
from elmobench.bench.estimate_finetuning import estimate_finetuning
from elmobench.bench.experiment.schema import parse_experiment
from elmobench.bench.plan import make_plan
from elmobench.bench.predict import Predictor
from elmobench.bench.run import run_experiment
from elmobench.core.errors import ConfigError, ElmobenchError
from elmobench.finetuning.start import trainable_encoder
from elmobench.tasks.head import TrainingOptions
from elmobench.tasks.task import load_task
from elmobench.tracking.record_store import RecordStore
from elmobench.training.model import BenchModel
from elmobench.training.model_run import ModelRun

TASK = "sentiment/control-sentiment"


def experiment(**changes: Any) -> dict[str, Any]:
    options = {"training.grid": {}, "training.epochs": 1, "training.model_lr": 1e-3}
    return {
        "name": "tuned",
        "tasks": [TASK],
        "features": ["bert-mini(finetuned)"],
        "limit": 12,
        "overrides": [{"set": options}],
        **changes,
    }


def run(folder: Path, **changes: Any):
    return run_experiment(
        parse_experiment(experiment(**changes)),
        results=folder / "results",
        store=folder / "store",
        tracking_uri="none",
        quiet=True,
    ).records


@pytest.mark.slow
def test_a_run_trains_the_model_and_leaves_its_files_and_the_store_alone(tmp_path: Path) -> None:
    weights = Path(str(files("elmobench") / "models" / "bert-mini" / "model.safetensors"))
    before = hashlib.sha256(weights.read_bytes()).hexdigest()
    (record,) = run(tmp_path / "first")
    assert record.status == "ok", record.error
    assert hashlib.sha256(weights.read_bytes()).hexdigest() == before
    assert [path for path in (tmp_path / "first/store").rglob("*") if path.is_file()] == []

    # Marked in the record, its caveats, its identity and its layer weights.
    assert "not frozen: the 2,956,608 weights of bert-mini" in record.result.notes[0]
    assert any(text.startswith("Not frozen: bert-mini(finetuned)") for text in record.caveats)
    assert record.identity["parts"][0]["finetuned"] is True
    assert record.identity["parts"][0]["fingerprint"] == load_provider("bert-mini").fingerprint
    assert list(record.result.layer_weights["input"]) == ["bert-mini(finetuned)"]
    assert record.run.parameters["head"] < 1000

    # The saved head has the trained weights, and predicts what the run predicted.
    store = RecordStore(tmp_path / "first/results")
    predictor = Predictor(store, record.cell)
    start = trainable_encoder(load_provider("bert-mini"), "here").state_dict()
    trained = predictor._model.encoders["0"].state_dict()
    changed = [name for name in start if not torch.equal(start[name], trained[name])]
    # All but the vectors of pieces that do not occur; those of the others share a matrix.
    assert changed == list(start)
    by_id = {example.id: example for example in load_task(TASK).split("test")}
    rows = store.read_predictions(record.cell)
    examples = [by_id[row["id"]] for row in rows]
    assert list(predictor.predict_examples(examples)) == [row["predicted"] for row in rows]

    (again,) = run(tmp_path / "second")
    assert again.result == record.result


def test_the_model_has_a_learning_rate_of_its_own_which_warms_up() -> None:
    encoder = torch.nn.Linear(2, 2)
    head = torch.nn.Linear(2, 1)
    head.splits_input = False
    model = BenchModel({}, {}, head, encoders={0: encoder})
    options = TrainingOptions(lr=0.5, model_lr=0.1, model_warmup=0.5, epochs=2, decay=0.5)
    options = options.model_copy(update={"decay_steps": 5, "clip_norm": None})
    run = ModelRun(model, options, SimpleNamespace())
    seen = []
    run.begin_epoch(4)
    for number in range(6):
        groups = run.optimizer.param_groups
        seen.append([group["lr"] for group in groups])
        assert {id(p) for p in groups[1]["params"]} == {id(p) for p in encoder.parameters()}
        for p in model.parameters():
            p.grad = torch.ones_like(p)
        run.update(torch.tensor(1.0), number)
    # Half of eight steps; all rates are halved after the fifth.
    assert [rates[0] for rates in seen] == [0.5] * 5 + [0.25]
    assert [rates[1] for rates in seen] == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1, 0.05])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": ["glove-mini(finetuned)"]}, "neither a transformer nor a biLM"),
        ({"features": ["random(finetuned)"]}, "neither a transformer nor a biLM"),
        ({"features": ["elmo-random(finetuned)"]}, "its weights are random"),
        ({"features": ["elmo-mini(finetuned)@layer=1"]}, "@layer does not go with"),
        ({"axes": {"mix": ["layer=1"]}}, "does not go with the mix layer=1"),
        ({"probe_kit": True}, "probe_kit judges probes of frozen vectors"),
        ({"overrides": [{"set": {"training.online_code": True}}]}, "with an online code"),
        ({"heads": ["majority"], "tasks": ["pos/control-pos"]}, "learns nothing"),
        ({"axes": {"labels": ["control"]}, "tasks": ["pos/control-pos"]}, "with control labels"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ElmobenchError, match=message):
        make_plan(RunContext(parse_experiment(experiment(**changes))))


def test_vectors_outside_a_run_are_frozen() -> None:
    with pytest.raises(ConfigError, match="applies to a task's head"):
        load_provider("bert-mini(finetuned)")
    with pytest.raises(ConfigError, match="applies to a task's head"):
        FrozenFeatures("bert-mini(finetuned)").fit(["a"])


def test_the_cost_is_estimated_and_nothing_is_to_be_encoded(tmp_path: Path) -> None:
    raw = experiment(seeds=[1, 2], features=["bert-mini", "bert-mini(finetuned)"])
    context = RunContext(parse_experiment(raw), store_root=tmp_path)
    cells = context.grid_cells
    assert estimate_encoding(context, cells[2:]) == []
    # Beside it, the frozen model is encoded as ever.
    assert [row.features for row in estimate_encoding(context, cells)] == ["bert-mini"]
    (estimate,) = estimate_finetuning(context, cells)
    sets = context.prepared(cells[0]).sets
    examples = [*sets["train"].examples, *sets["dev"].examples]
    assert estimate.tokens == sum(len(example.tokens) for example in examples)
    assert (estimate.features, estimate.task, estimate.runs) == ("bert-mini", TASK, 2)
    assert estimate.seconds > 0


@pytest.mark.slow
def test_a_trained_model_learns_what_a_probe_of_frozen_vectors_does_not(tmp_path: Path) -> None:
    options = {"grid": {}, "lr": 1e-3, "epochs": 4, "model_lr": 3e-4}
    records = run(
        tmp_path,
        features=["bert-mini", "bert-mini(finetuned)", "elmo-mini(finetuned)"],
        limit=150,
        overrides=[{"set": {f"training.{name}": value for name, value in options.items()}}],
    )
    losses = {record.features: record.result.curve[-1].train_loss for record in records}
    frozen = losses.pop("bert-mini")
    assert all(loss < frozen - 0.05 for loss in losses.values())
    assert len({record.cell for record in records}) == 3
