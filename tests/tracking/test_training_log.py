"""A training's measures in MLflow: one run, however often training stops and goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from elmobench.core.errors import ElmobenchWarning
from elmobench.tracking.mlflow_log import TrackingError
from elmobench.tracking.training_log import TrainingLog


def test_a_training_is_one_run_over_all_its_parts(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'm.db'}"
    first = TrainingLog(uri, "mine", "key", {"rate": 0.1})
    first.add(1, {"loss": 2.0, "heldout": float("nan")})
    first.add(2, {"loss": 1.5})
    first.close(finished=False)
    second = TrainingLog(uri, "mine", "key", {"rate": 0.1})
    for step in range(3, 700):
        second.add(step, {"loss": 1.0})
    second.close(finished=True)
    TrainingLog(uri, "other", "another key", {}).close(finished=True)
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("pretraining").experiment_id
    runs = {run.info.run_name: run for run in client.search_runs([experiment])}
    assert set(runs) == {"mine", "other"}
    mine = runs["mine"]
    assert mine.info.status == "FINISHED"
    assert mine.data.params == {"rate": "0.1"}
    assert set(mine.data.metrics) == {"loss"}
    history = client.get_metric_history(mine.info.run_id, "loss")
    assert sorted((m.step, m.value) for m in history)[:3] == [(1, 2.0), (2, 1.5), (3, 1.0)]
    assert len(history) == 699


def test_measures_wait_while_the_store_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"sqlite:///{tmp_path / 'm.db'}"
    log = TrainingLog(uri, "mine", "key", {})

    def away(*_: object, **__: object) -> None:
        raise MlflowException("gone")

    log.add(1, {"loss": 2.0})
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_batch", away)
        with pytest.warns(
            ElmobenchWarning, match=r"some metrics could not be logged to MLflow \(gone\)"
        ):
            assert not log.send()
    log.add(2, {"loss": 1.0})
    assert log.send()
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("pretraining").experiment_id
    (run,) = client.search_runs([experiment])
    assert len(client.get_metric_history(run.info.run_id, "loss")) == 2


def test_a_store_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrackingError, match="cannot be used"):
        TrainingLog(f"sqlite:///{tmp_path / 'file' / 'm.db'}", "mine", "key", {})
