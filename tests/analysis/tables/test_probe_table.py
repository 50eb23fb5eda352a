"""The table of probes from made-up records: every number against its definition."""

from __future__ import annotations

import math
from typing import Any

import pytest
from made_records import make_record
from scipy import stats

from elmobench.analysis.tables.probe_table import probe_rows, probe_table
from elmobench.tracking.record import RunRecord


def record(
    name: str,
    score: float,
    dev: float = 50.0,
    code: tuple[float, int] | None = None,
    **changes: Any,
) -> RunRecord:
    """A record with this score; ``code`` is the online code's bits and number of labels."""
    base = make_record(cell=name.ljust(64, "0"), features="elmo")
    control = changes.get("axes", {}).get("labels") == "control"
    identity = {**base.identity, "training": {"epochs": 2}, **({"control": 1} if control else {})}
    best = changes.pop("best_epoch", 1)
    full = {**base.model_dump(), "identity": identity, **changes}
    full["result"] = {
        **full["result"],
        **{"test": {"f1": score}, "dev": {"f1": dev}, "best_epoch": best},
    }
    if code is not None:
        bits, labels = code
        portion = {"examples": labels, "labels": labels, "bits": bits}
        full["result"]["online_code"] = {
            **{"bits": bits, "uniform_bits": 3.0 * labels, "compression": 3.0 * labels / bits},
            "portions": [portion],
        }
    return RunRecord.model_validate(full)


def of_seeds(
    name: str, scores: list[float], labels: str = "given", **changes: Any
) -> list[RunRecord]:
    return [
        record(f"{name}{seed}", score, seed=seed, axes={"labels": labels}, **changes)
        for seed, score in enumerate(scores, start=1)
    ]


def test_selectivity_code_baselines_and_layers() -> None:
    records = [
        *of_seeds("a", [90.0, 91.0, 93.0], code=(50.0, 100)),
        *of_seeds("b", [60.0, 62.0, 61.0], labels="control"),
        *of_seeds("c", [70.0, 71.0, 72.0], dev=40.0, features="elmo@layer=0"),
        *of_seeds("d", [80.0, 80.5, 81.0], dev=70.0, features="elmo@layer=1"),
        *of_seeds("e", [89.0, 89.5, 90.0], dev=60.0, features="elmo@layer=2"),
        *of_seeds("f", [55.0] * 3, head="majority", features="glove"),
        # Another task, another head, another share of train: none of them counts.
        *of_seeds("g", [1.0] * 3, task="ner/other", features="elmo@layer=0"),
        *of_seeds("h", [1.0] * 3, head="small", features="elmo@layer=0"),
        record("i", 1.0, head="majority", axes={"labels": "given", "train_fraction": 0.1}),
    ]
    (row,) = probe_rows(records)
    assert (row.task, row.head, row.features, row.seeds) == ("ner/t", "linear", "elmo", 3)
    assert row.score == pytest.approx(274 / 3)
    assert row.control == pytest.approx(61)
    differences = [30.0, 29.0, 32.0]
    assert row.selectivity == pytest.approx(sum(differences) / 3)
    half = stats.t.ppf(0.975, 2) * math.sqrt(7 / 3 / 3)
    assert row.selectivity is not None
    assert row.selectivity_low == pytest.approx(row.selectivity - half)
    assert row.selectivity_high == pytest.approx(row.selectivity + half)
    assert (row.bits_per_label, row.compression) == (0.5, 6.0)
    assert (row.majority, row.layer_0) == (55.0, 71.0)
    # Layer 2 has the higher test score, layer 1 the higher dev score.
    assert (row.best_layer, row.best_layer_score) == (1, pytest.approx(80.5))
    assert row.converged == 3
    texts = probe_table([row]).iloc[0]
    assert texts["selectivity"] == f"30.33 ({30 + 1 / 3 - half:.2f} … {30 + 1 / 3 + half:.2f})"
    assert (texts["best layer"], texts["converged"]) == ("1: 80.50", "3 of 3")


def test_seeds_of_control_and_given_are_paired_and_runs_at_the_last_epoch_counted() -> None:
    records = [
        *of_seeds("a", [90.0, 70.0], best_epoch=2),
        record("b", 60.0, seed=2, axes={"labels": "control"}),
    ]
    (row,) = probe_rows(records)
    assert (row.selectivity, row.selectivity_low) == (10.0, None)
    assert row.converged == 0


def test_layers_may_be_values_of_the_axis_mix() -> None:
    def axes(mix: str) -> dict[str, Any]:
        return {"mix": mix, "labels": "given"}

    records = [
        record("a", 90.0, axes=axes("learned"), code=(1.0, 1)),
        record("b", 70.0, axes=axes("layer=0")),
        record("c", 95.0, dev=99.0, axes=axes("layer=1")),
        record("d", 40.0, axes=axes("uniform")),
        # One layer: the grid has the same cell for every mix.
        record("e", 50.0, features="glove", axes=axes("learned"), code=(1.0, 1)),
        record("e", 50.0, features="glove", axes=axes("layer=0")),
    ]
    elmo, glove = probe_rows(records)
    assert (elmo.layer_0, elmo.best_layer, elmo.best_layer_score) == (70.0, 1, 95.0)
    assert (glove.layer_0, glove.best_layer) == (None, None)


def test_without_control_labels_and_codes_there_is_no_table() -> None:
    assert probe_rows([record("a", 90.0), record("b", 80.0, features="elmo@layer=0")]) == []
    assert probe_table([]).empty
