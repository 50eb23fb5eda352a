"""The probe kit: which cells it adds to an experiment, and that overrides reach them."""

from __future__ import annotations

from typing import Any

import pytest

from elmobench.bench.context import RunContext
from elmobench.bench.experiment.cells import Cell
from elmobench.bench.experiment.grid import grid
from elmobench.bench.experiment.probe_kit import layer_zero
from elmobench.bench.experiment.schema import parse_experiment
from elmobench.bench.plan import make_plan
from elmobench.core.errors import ConfigError
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.features.spec import parse_features

BASE: dict[str, Any] = {
    "name": "kit",
    "tasks": ["pos/control-pos", "wsd/control-wsd"],
    "features": ["glove-mini", "glove-mini+elmo-mini"],
    "heads": ["linear", "small"],
    "probe_kit": True,
}


def cells_of(**changes: Any) -> list[Cell]:
    experiment = parse_experiment({**BASE, **changes})
    return list(grid(experiment, {name: name.partition("/")[0] for name in experiment.tasks}))


def row(cell: Cell) -> tuple[str, str, str, str, bool]:
    return cell.pipeline, cell.features, cell.head, cell.labels, cell.training.online_code


def test_each_probe_gets_code_control_layer_zero_and_the_task_its_baseline() -> None:
    both, zero = "glove-mini+elmo-mini", "glove-mini+elmo-mini@layer=0"
    assert list(map(row, cells_of())) == [
        ("pos", "glove-mini", "linear", "given", True),
        ("pos", "glove-mini", "linear", "control", False),
        ("pos", "glove-mini", "small", "given", False),
        ("pos", both, "linear", "given", True),
        ("pos", both, "linear", "control", False),
        ("pos", zero, "linear", "given", True),
        ("pos", both, "small", "given", False),
        ("pos", "glove-mini", "majority", "given", False),
        # Senses have neither control labels nor an online code.
        ("wsd", "glove-mini", "linear", "given", False),
        ("wsd", "glove-mini", "small", "given", False),
        ("wsd", both, "linear", "given", False),
        ("wsd", zero, "linear", "given", False),
        ("wsd", both, "small", "given", False),
        ("wsd", "glove-mini", "most-frequent", "given", False),
    ]
    assert all(cell.axes["labels"] == cell.labels for cell in cells_of())


def test_what_the_experiment_has_already_is_not_added() -> None:
    cells = cells_of(
        tasks=["pos/control-pos"],
        features=["elmo-mini", "elmo-mini@layer=0"],
        heads=["linear", "majority"],
    )
    given = [row(cell)[1:3] for cell in cells if cell.labels == "given"]
    assert len(given) == len(set(given)) == 4


def test_overrides_reach_the_added_cells_and_can_switch_the_code_off() -> None:
    off = {"training.online_code": False, "options.dropout": 0.5, "training.grid": {}}
    cells = cells_of(
        tasks=["pos/control-pos"],
        heads=["linear"],
        overrides=[
            {"when": {"features": "glove-mini+elmo-mini"}, "set": {**off, "seeds": [7]}},
            {"set": {"train_fraction": [0.5], "mix": ["uniform"]}},
        ],
    )
    changed = [cell for cell in cells if "elmo-mini" in cell.features]
    assert [cell.features.endswith("@layer=0") for cell in changed] == [False, False, True]
    for cell in changed:
        assert (cell.training.online_code, cell.options.dropout, cell.seed) == (False, 0.5, 7)
    assert {cell.train_fraction for cell in cells} == {0.5}
    (baseline,) = (cell for cell in cells if cell.head == "majority")
    assert baseline.training.epochs == 1


def test_the_baseline_does_without_what_must_be_learned() -> None:
    cells = cells_of(
        tasks=["pos/control-pos"],
        features=["glove-mini(trainable)", "elmo-mini"],
        heads=["linear"],
        axes={"mix": ["learned", "first=2"]},
    )
    (baseline,) = (cell for cell in cells if cell.head == "majority")
    assert baseline.features == "glove-mini"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("elmo-mini", "elmo-mini@layer=0"),
        ("elmo-mini@gamma=false@state=warm", "elmo-mini@state=warm@layer=0"),
        ("bert-mini+elmo-mini@layer=1", "bert-mini@layer=0+elmo-mini@layer=1"),
        ("glove-mini", None),
        ("elmo-mini@layer=2", None),
        ("elmo-mini@mix=uniform", None),
    ],
)
def test_layer_zero_of_a_spec(spec: str, expected: str | None) -> None:
    found = layer_zero(parse_features(spec), ModelCatalog())
    assert (None if found is None else str(found)) == expected


def test_the_kit_does_not_change_other_cells() -> None:
    def digests(*, kit: bool) -> dict[tuple[str, str], str]:
        raw = {**BASE, "tasks": ["pos/control-pos"], "features": ["random"], "probe_kit": kit}
        raw["overrides"] = [{"set": {"training.online_code": False}}]
        plan = make_plan(RunContext(parse_experiment(raw)))
        return {(p.cell.head, p.cell.labels): p.digest for p in plan}

    assert digests(kit=False).items() < digests(kit=True).items()


def test_a_kit_without_a_probe_is_an_error() -> None:
    with pytest.raises(ConfigError, match="probe_kit is for probes"):
        cells_of(heads=["small"])
