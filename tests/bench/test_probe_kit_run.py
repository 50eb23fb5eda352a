"""A run with the probe kit, and what report and compare show of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import elmobench
from elmobench.bench.run import run_experiment
from elmobench.cli.main import app

pytestmark = pytest.mark.slow

FAST = {"training.epochs": 4, "training.grid": {}, "training.lr": 0.01}
EXPERIMENT: dict[str, Any] = {
    "name": "kit",
    "tasks": ["pos/control-pos"],
    "features": ["random", "elmo-random"],
    "heads": ["linear"],
    "seeds": [1, 2, 3],
    "probe_kit": True,
    "limit": 40,
    "overrides": [{"set": FAST}],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("kit")
    summary = run_experiment(
        EXPERIMENT, results=base / "kit", store=base / "store", tracking_uri="none", quiet=True
    )
    assert not summary.failed
    return summary.folder


def test_report_and_compare_show_the_kit(folder: Path) -> None:
    printed = CliRunner().invoke(app, ["report", str(folder), "--json"])
    assert printed.exit_code == 0, printed.output
    document = json.loads(printed.stdout)
    probes = {row["features"]: row for row in document["probes"]}
    assert list(probes) == ["random", "elmo-random", "elmo-random@layer=0"]
    elmo, zero = probes["elmo-random"], probes["elmo-random@layer=0"]
    assert elmo["selectivity"] == pytest.approx(elmo["score"] - elmo["control"])
    assert elmo["selectivity_low"] < elmo["selectivity"] < elmo["selectivity_high"]
    assert elmo["layer_0"] == pytest.approx(zero["score"])
    assert elmo["majority"] == probes["random"]["majority"] > 0
    assert elmo["compression"] > 1
    (table,) = (one for one in document["tables"] if one["title"] == "Probes")
    assert len(table["rows"]) == 3
    page = (folder / "report.html").read_text("utf-8")
    assert 'id="probes"' in page
    assert f"{elmo['selectivity']:.2f} (" in page
    assert "## Probes" in (folder / "report.md").read_text("utf-8")

    compared = elmobench.compare(folder, "elmo-random", "random")
    assert [row.features for row in compared.probes] == ["random", "elmo-random"]
    command = ["compare", "elmo-random", "random", "--in", str(folder)]
    rows = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)["probes"]
    assert [row["features"] for row in rows] == ["random", "elmo-random"]
    shown = CliRunner().invoke(app, command, env={"ELMOBENCH_OUTPUT": "table", "COLUMNS": "100"})
    assert "selectivity" in shown.stdout
