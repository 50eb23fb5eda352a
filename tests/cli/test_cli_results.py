"""``elmobench ui``, ``claims`` and ``slices`` on a results folder."""

from __future__ import annotations

import importlib.metadata
import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

import elmobench
from elmobench.cli.main import app
from elmobench.core.errors import ConfigError
from elmobench.tracking.mlflow_store import default_uri


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small grid that was run without tracking."""
    where = tmp_path_factory.mktemp("results") / "small"
    elmobench.run(
        {
            "name": "small",
            "tasks": ["ner/control-ner"],
            "features": ["random", "random+elmo-random"],
            "seeds": [1, 2],
            "overrides": [
                {"set": {"training.epochs": 2, "training.lr": 0.01, "options.dropout": 0.0}}
            ],
        },
        results=where,
        tracking_uri="none",
        quiet=True,
    )
    return where


def invoke(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.slow
def test_ui_logs_what_is_missing_and_opens_mlflow(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda path, arguments: started.append(arguments))
    assert "4 records were missing in MLflow" in invoke("ui", str(folder), "--port", "5099")
    (command,) = started
    assert command[1:5] == ["-m", "mlflow", "ui", "--backend-store-uri"]
    assert command[5:] == [default_uri(folder), "--host", "127.0.0.1", "--port", "5099"]
    assert "records were missing" not in invoke("ui", str(folder))


@pytest.mark.slow
def test_ui_says_what_to_install_if_mlflow_has_no_pages_here(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setattr(os, "execv", lambda path, arguments: pytest.fail("started"))
    result = CliRunner().invoke(app, ["ui", str(folder)])
    assert isinstance(result.exception, ConfigError)
    assert "pip install 'elmobench[ui]'" in str(result.exception)


def test_claims_of_controls_are_not_tested(folder: Path) -> None:
    rows = json.loads(invoke("claims", str(folder), "--json"))["claims"]
    assert len({row["id"] for row in rows}) == len(rows) >= 12
    assert {row["outcome"] for row in rows} == {"not tested"}
    assert "not tested" in invoke("claims", str(folder), "--evidence")


def test_slices_of_stored_predictions(folder: Path) -> None:
    header, *lines = invoke("slices", str(folder), "--csv").splitlines()
    assert header == "task,head,slice,score,of,random,random+elmo-random"
    assert lines
    assert all(line.startswith("ner/control-ner,linear,") for line in lines)
    assert "control-ner" in invoke("slices", str(folder))


def test_slices_without_data_say_what_to_do(folder: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("predictions", "mlflow", "heads"))
    result = CliRunner().invoke(app, ["slices", str(copy)])
    assert result.exit_code != 0
    assert "nothing to slice" in str(result.exception)
