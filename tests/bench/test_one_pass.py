"""Heads that are fitted in one pass: their cells, and a whole run on the control."""

from __future__ import annotations

from pathlib import Path

import pytest

from elmobench.bench.experiment.cells import cell_digest
from elmobench.bench.experiment.grid import grid
from elmobench.bench.experiment.schema import parse_experiment
from elmobench.bench.predict import Predictor
from elmobench.bench.run import run_experiment
from elmobench.core.errors import ConfigError
from elmobench.tracking.record_store import RecordStore

BASE = {"name": "t", "tasks": ["wsd/control-wsd"], "features": ["elmo-random"], "heads": ["paper"]}


def cells_of(**changes):
    return list(grid(parse_experiment({**BASE, **changes}), {"wsd/control-wsd": "wsd"}))


def test_a_learned_mix_is_resolved_to_its_initial_value() -> None:
    (learned,) = cells_of()
    (uniform,) = cells_of(axes={"mix": ["uniform"], "gamma": [False], "l2": [0.1]})
    identities = [
        cell.identity(
            data_digest="d",
            card_version=1,
            metric=("wsd-f1", 1),
            labels=[],
            context_unit="sentence",
            fingerprints=["f"],
            num_layers=[3],
        )
        for cell in (learned, uniform)
    ]
    assert learned.parts[0].mix == "uniform"
    assert not learned.parts[0].gamma
    assert cell_digest(identities[0]) == cell_digest(identities[1])
    # Other heads keep theirs.
    (other,) = cells_of(heads=["linear"])
    assert other.parts[0].mix == "learned"
    assert other.parts[0].gamma


@pytest.mark.parametrize("mix", ["layer=1", "last", "concat"])
def test_a_mix_without_weights_stays(mix: str) -> None:
    (cell,) = cells_of(axes={"mix": [mix]})
    assert cell.parts[0].mix == mix


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"axes": {"mix": ["first=2"]}}, "mix first=2 is learned"),
        ({"features": ["random(trainable)"]}, r"\(trainable\) is learned"),
    ],
)
def test_settings_that_must_be_learned_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        cells_of(**changes)


def test_a_whole_run(tmp_path: Path) -> None:
    experiment = {**BASE, "features": ["random", "elmo-random"], "heads": ["paper"]}
    summary = run_experiment(experiment, results=tmp_path, tracking_uri="none", quiet=True)
    results = {record.features: record.result for record in summary.records}
    # A context-free model does not exceed the ceiling; an untrained ELMo does.
    assert results["random"].test["f1"] == pytest.approx(70.0)
    assert results["elmo-random"].test["f1"] > 75
    for record in summary.records:
        assert record.result.best_epoch == 1
        assert [row.train_loss for row in record.result.curve] == [None]
        assert record.run.parameters["head"] == 0
        rows = RecordStore(tmp_path).read_predictions(record.cell)
        assert len(rows) == 300
        assert set(rows[0]["predicted"][0]) == {"id", "senses"}
    weights = results["elmo-random"].layer_weights["input"]["elmo-random"]
    assert weights == {"s": pytest.approx([1 / 3] * 3), "gamma": 1.0, "w": None}
    predictor = Predictor(RecordStore(tmp_path), summary.records[0].cell)
    with pytest.raises(ConfigError, match="plain text does not give"):
        list(predictor.predict(["The hungry crane slept ."]))


def test_a_part_of_the_training_set(tmp_path: Path) -> None:
    experiment = {
        **BASE,
        "features": ["random"],
        "heads": ["paper", "most-frequent"],
        "axes": {"train_fraction": [0.05, 1.0]},
    }
    summary = run_experiment(experiment, results=tmp_path, tracking_uri="none", quiet=True)
    assert summary.failed == 0
    head_fraction_count = [
        (r.head, r.axes["train_fraction"], r.result.counts["train"]) for r in summary.records
    ]
    assert head_fraction_count == [
        ("paper", 0.05, 30),
        ("paper", 1.0, 600),
        ("most-frequent", 0.05, 30),
        ("most-frequent", 1.0, 600),
    ]
