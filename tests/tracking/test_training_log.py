"""A training's measures in MLflow: one run, however often training stops and goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from elmobench.core.errors import ElmobenchWarning
from elmobench.tracking.training_log import TrainingLog


@pytest.mark.slow
def test_a_training_is_one_run_over_all_its_parts(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'm.db'}"
    first = TrainingLog(uri, tmp_path, "mine", "key", {"rate": 0.1})
    first.add(1, {"loss": 2.0, "heldout": float("nan")})
    first.add(2, {"loss": 1.5})
    first.close(finished=False)
    second = TrainingLog(uri, tmp_path, "mine", "key", {"rate": 0.1})
    for step in range(3, 700):
        second.add(step, {"loss": 1.0})
    second.close(finished=True)
    TrainingLog(uri, tmp_path, "other", "another key", {}).close(finished=True)
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


@pytest.mark.slow
def test_measures_wait_while_the_store_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"sqlite:///{tmp_path / 'm.db'}"
    log = TrainingLog(uri, tmp_path, "mine", "key", {})

    def away(*_: object, **__: object) -> None:
        raise MlflowException("gone")

    log.add(1, {"loss": 2.0})
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_batch", away)
        with pytest.warns(ElmobenchWarning, match="gone. The training goes on"):
            assert not log.send()
    log.add(2, {"loss": 1.0})
    assert not log.send()  # a store that failed just now is not asked again
    log.close(finished=True)
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("pretraining").experiment_id
    (run,) = client.search_runs([experiment])
    assert len(client.get_metric_history(run.info.run_id, "loss")) == 2


def test_a_store_that_cannot_be_opened_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    uri = f"sqlite:///{tmp_path / 'file' / 'm.db'}"
    with pytest.warns(ElmobenchWarning, match="The training goes on"):
        log = TrainingLog(uri, tmp_path, "mine", "key", {})
    log.add(1, {"loss": 2.0})
    assert not log.send()
    log.close(finished=True)


@pytest.mark.slow
def test_metrics_are_logged_once_the_store_can_be_opened(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    folder.write_text("")
    uri = f"sqlite:///{folder / 'm.db'}"
    with pytest.warns(ElmobenchWarning, match="The training goes on"):
        log = TrainingLog(uri, tmp_path, "mine", "key", {"rate": 0.1})
    log.add(1, {"loss": 2.0})
    folder.unlink()
    log.close(finished=True)
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("pretraining").experiment_id
    (run,) = client.search_runs([experiment])
    assert run.data.metrics == {"loss": 2.0}
    assert run.data.params == {"rate": "0.1"}
    assert run.info.status == "FINISHED"
