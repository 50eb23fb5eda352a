"""Every shipped experiment validates and runs, with small stand-ins for what is downloaded.

Stand-ins have the published names, so the files of the experiments are used as they are.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import stand_ins
from command_line import elmobench

from elmobench.analysis.report.page import figures
from elmobench.bench.experiment.schema import Axes, known_experiments, load_experiment
from elmobench.core import paths
from elmobench.tracking.record_store import RecordStore


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data, cards and models, and what the pre-training plans train."""
    root = tmp_path_factory.mktemp("published")
    stand_ins.write(root)
    stand_ins.write_planned_models(root / "trained")
    return root


def first_cells(name: str) -> list[str]:
    """Settings that leave the first value of each axis, of features the first and the last."""
    experiment = load_experiment(name)
    features = list(dict.fromkeys((experiment.features[0], experiment.features[-1])))
    chosen = {
        "tasks": [experiment.tasks[0]],
        "features": features,
        "heads": [experiment.heads[0]],
        "seeds": [experiment.seeds[0]],
        **{axis: list(getattr(experiment.axes, axis)[:1]) for axis in Axes.model_fields},
    }
    return [
        word for key, value in chosen.items() for word in ("--set", f"{key}={json.dumps(value)}")
    ]


# One of each kind; the others run every night.
QUICK = {"demo", "senses", "paper/table1", "paper/table2", "study/small"}


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in QUICK else pytest.mark.nightly)
        for name in known_experiments()
    ],
)
def test_an_experiment_validates_and_its_first_cells_run(
    name: str, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_ins.use(published, monkeypatch)
    monkeypatch.setenv(paths.MODELS_VARIABLE, str(published / "trained"))
    monkeypatch.setattr(figures, "_svg", lambda figure, description: "<svg></svg>")
    valid = elmobench("validate", name, "--trust-first", cwd=tmp_path)
    assert valid.returncode == 0, valid.stderr
    assert "more need files" not in valid.stdout
    settings = first_cells(name)
    run = elmobench("run", name, *settings, "--quiet", "--tracking-uri", "none", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    experiment = load_experiment(name)
    records = list(RecordStore(tmp_path / "results" / experiment.name))
    chosen = {experiment.features[0], experiment.features[-1]}
    added = {f"{spec}@layer=0" for spec in chosen} if experiment.probe_kit else set()
    assert chosen <= {record.features for record in records} <= chosen | added
    assert all(record.status == "ok" for record in records)
