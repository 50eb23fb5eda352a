"""Flags of records, of this version and of earlier ones."""

from __future__ import annotations

from typing import Any

import pytest
from made_up import predictions, record

from elmobench.analysis.tables.results_frame import frame_of
from elmobench.analysis.tables.score_tables import flag_marks, score_table
from elmobench.tracking.record import RunRecord
from elmobench.tracking.run_flags import RunFlags, run_flags


def flagged(
    chosen: dict[str, float] | None = None,
    tried: list[dict[str, float]] = [],  # noqa: B006
    dev: tuple[float, ...] = (1.0, 3.0, 2.0),
    training: dict[str, Any] | None = None,
    seed: int = 1,
) -> RunRecord:
    made = record("flat", seed, predictions(4), dev=dev)
    assert made.result is not None
    if chosen is not None:
        rows = [{"candidate": candidate, "score": 1.0} for candidate in tried]
        made.result.selection = {"chosen": chosen, "dev": rows}
    if training is not None:
        made.identity["training"] = training
    return made


@pytest.mark.parametrize(("chosen", "edge"), [(0.001, False), (0.1, True), (0.0001, True)])
def test_a_value_at_the_edge(chosen: float, edge: bool) -> None:
    tried = [{"training.lr": lr} for lr in (0.0001, 0.001, 0.1)]
    flags = run_flags(flagged({"training.lr": chosen}, tried))
    assert flags.edges == ({"training.lr": chosen} if edge else {})
    assert len(flags.notes) == edge


def test_zero_and_a_single_value_are_no_edges() -> None:
    tried = [{"options.dropout": d, "training.lr": 0.1} for d in (0.0, 0.3)]
    assert run_flags(flagged(tried[0], tried)).edges == {}
    assert run_flags(flagged(tried[1], tried)).edges == {"options.dropout": 0.3}


def test_a_rising_dev_score() -> None:
    rising = (1.0, 2.0, 3.0)
    assert run_flags(flagged(dev=rising, training={"epochs": 3})).rising
    # It stopped early, or the best epoch is not the last one.
    assert not run_flags(flagged(dev=rising, training={"epochs": 9})).rising
    assert not run_flags(flagged(dev=(1.0, 3.0, 2.0), training={"epochs": 3})).rising
    # A default is not in the identity: 20 epochs.
    assert run_flags(flagged(dev=tuple(map(float, range(20))), training={})).rising
    # A single epoch has no course, and records without training options say nothing.
    assert not run_flags(flagged(dev=(1.0,), training={"epochs": 1})).rising
    assert not run_flags(flagged(dev=rising)).rising


def test_the_last_epoch_is_that_of_a_searched_number_of_epochs() -> None:
    tried = [{"training.epochs": epochs} for epochs in (3, 6)]
    searched = {"training": {"epochs": 9}, "dev": (1.0, 2.0, 3.0)}
    assert run_flags(flagged(tried[0], tried, **searched)).rising  # type: ignore[arg-type]
    assert not run_flags(flagged(tried[1], tried, **searched)).rising  # type: ignore[arg-type]


def test_no_result_has_no_flags() -> None:
    failed = flagged().model_copy(update={"result": None})
    assert run_flags(failed) == RunFlags({}, rising=False)


def test_marks_in_the_table_of_scores() -> None:
    assert flag_marks(["", "edge", "rising edge", None]) == " ‡↑"
    assert flag_marks(["", None]) == ""
    records = [flagged(dev=(1.0, 2.0), training={"epochs": 2}, seed=seed) for seed in (1, 2)]
    frame = frame_of(records)
    assert list(frame["flags"]) == ["rising", "rising"]
    assert score_table(frame)["flat"][0].endswith(" ↑")
