"""The table of what a mix reads, from made-up records."""

from __future__ import annotations

import math
from typing import Any

import pytest
from made_records import make_record
from scipy import stats

from elmobench.analysis.tables.mix_table import mix_table, mixed_layers
from elmobench.tracking.record import RunRecord


def record(
    name: str, features: str, score: float, s: list[float], seed: int = 1, **changes: Any
) -> RunRecord:
    """A record of ``b``'s mix with these weights; layers with the weight 0 are not learned."""
    base = make_record(cell=name.ljust(64, "0"), features=features, seed=seed)
    full = {**base.model_dump(), **changes}
    w = [math.log(x) for x in s if x > 0]
    mixes = {"input": {"b": {"s": s, "gamma": 1.0, "w": w}}}
    row = {"epoch": 1, "train_loss": 1.0, "dev": 50.0, "layer_weights": mixes}
    full["result"] = {
        **{**full["result"], "test": {"f1": score}, "layer_weights": mixes},
        **{"curve": [row], "best_epoch": 1},
    }
    full["run"] = {**full["run"], "layer_norms": {"b": [2.0, 4.0]}}
    return RunRecord.model_validate(full)


def test_weights_norms_and_losses_are_side_by_side() -> None:
    scores = [(90.0, 80.0), (92.0, 80.0), (91.0, 84.0)]
    records = []
    for seed, (full, less) in enumerate(scores, start=1):
        records.append(record(f"a{seed}", "g+b", full, [0.6, 0.4], seed))
        records.append(record(f"b{seed}", "g+b@mix=without=0", less, [0.0, 1.0], seed))
    # Another task and control labels do not count.
    records.append(record("c", "g+b@mix=without=1", 1.0, [1.0, 0.0], task="ner/other"))
    control = {"axes": {"labels": "control"}, "identity": {"control": 1}}
    records.append(record("d", "g+b@mix=without=1", 1.0, [1.0, 0.0], **control))
    low, high = mixed_layers(records)
    assert (low.layer, low.part, low.features, low.seeds) == (0, "b", "g+b", 3)
    assert (low.weight, low.norm) == (pytest.approx(0.6), 2.0)
    assert low.share == pytest.approx(0.6 * 2 / (0.6 * 2 + 0.4 * 4))
    losses = [10.0, 12.0, 7.0]
    mean = sum(losses) / 3
    half = stats.t.ppf(0.975, 2) * math.sqrt(sum((x - mean) ** 2 for x in losses) / 2 / 3)
    assert (low.loss, low.loss_low, low.loss_high) == (
        pytest.approx(mean),
        pytest.approx(mean - half),
        pytest.approx(mean + half),
    )
    assert (high.loss, high.share) == (None, pytest.approx(1 - low.share))
    table = mix_table([low, high])
    assert list(table["loss without it"]) == [f"9.67 ({mean - half:.2f} … {mean + half:.2f})", "–"]
    assert "placement" not in table


def test_the_axis_mix_may_name_the_layer() -> None:
    records = [
        record("a", "b", 90.0, [0.6, 0.4], axes={"mix": "learned"}),
        record("b", "b", 85.0, [1.0, 0.0], axes={"mix": "without=1"}),
    ]
    assert [row.loss for row in mixed_layers(records)] == [None, 5.0]


def test_records_of_earlier_versions_without_norms_have_no_rows() -> None:
    old = record("a", "b", 90.0, [0.6, 0.4])
    assert old.run is not None
    old.run.layer_norms.clear()
    assert mixed_layers([old]) == []
    assert mix_table([]).empty
