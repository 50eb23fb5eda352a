"""Which cells may be compared: every field of an identity, and the committed studies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from made_studies import made_cell

from elmobench.analysis.stats.comparable import (
    OF_THE_SYSTEM,
    comparison_key,
    differing_fields,
    system_key,
)
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore

RESULTS = Path(__file__).resolve().parents[3] / "results"

# Written out here again: a field that is added to the code's list must be added here as well.
FREE = {"seed", "parts", "placement", "precision", "threads", "device"}


def changed(run: RunRecord, name: str, value: Any) -> RunRecord:
    return run.model_copy(update={"identity": {**run.identity, name: value}})


def test_every_other_field_of_a_committed_identity_separates_cells() -> None:
    run = RecordStore(RESULTS / "domain").planned()[0]
    assert {"data", "labels", "metric", "head", "options", "training", "fold"} <= set(run.identity)
    assert set(run.identity) >= FREE
    names = {*run.identity, "limit", "search", "a field of a later version"}
    separating = {
        name for name in names if comparison_key(changed(run, name, "x")) != comparison_key(run)
    }
    assert separating == names - FREE
    assert set(OF_THE_SYSTEM) == FREE - {"seed"}


def test_the_shown_score_separates_cells() -> None:
    run, _ = made_cell("flat", 1)
    assert run.result is not None
    other = run.model_copy(deep=True)
    assert other.result is not None
    other.result.test["f1"] = other.result.dev["f1"] = 1.0
    assert comparison_key(other) == comparison_key(run)
    other.result.primary = "f1"
    assert comparison_key(other) != comparison_key(run)
    with pytest.raises(ValueError, match="has no result"):
        comparison_key(run.model_copy(update={"result": None}))


def test_only_the_seed_differs_between_runs_of_a_system() -> None:
    run, _ = made_cell("flat", 1)
    assert system_key(run) == system_key(changed(run, "seed", 2))
    for name in OF_THE_SYSTEM:
        assert system_key(run) != system_key(changed(run, name, "x"))
    reading_nothing = [
        made_cell(features, 1, head="most-frequent")[0] for features in ("flat", "deep")
    ]
    assert system_key(reading_nothing[0]) == system_key(reading_nothing[1])


def test_differences_of_options_have_dotted_names() -> None:
    keys = [
        {"data": "a", "training": {"lr": 1, "grid": {"x.y": [1]}}},
        {"data": "a", "training": {"lr": 1}, "fold": 0},
        {"data": "a", "training": {"lr": 1}},
    ]
    assert differing_fields(keys) == [
        {"fold": None, "training.grid": {"x.y": [1]}},
        {"fold": 0, "training.grid": None},
        {"fold": None, "training.grid": None},
    ]


def test_runs_with_a_draw_of_their_own_are_one_system() -> None:
    def key(features: str, seed: int, fingerprint: str) -> dict[str, Any]:
        run, _ = made_cell(features, seed, vectors={"fingerprint": fingerprint})
        return system_key(run)

    own = "elmo-mini@untrained=run"
    assert key(own, 1, "a") == key(own, 2, "b")
    assert key(own, 1, "a") != key("bert-mini@untrained=run", 1, "a")
    assert key("elmo-mini@untrained=1", 1, "a") != key("elmo-mini@untrained=1", 2, "b")
