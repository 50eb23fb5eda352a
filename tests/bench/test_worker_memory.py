"""The memory that a worker needs at least, and what follows from it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import elmobench

from elmobench.bench import worker_memory
from elmobench.bench.context import RunContext
from elmobench.bench.experiment.schema import parse_experiment
from elmobench.bench.launchers.base import LaunchOptions
from elmobench.bench.launchers.processes import ProcessPoolLauncher
from elmobench.bench.run import run_experiment
from elmobench.bench.worker_memory import estimate_worker_memory, workers_that_fit
from elmobench.core.errors import ConfigError

CONTROLS = {
    "name": "memory",
    "tasks": ["ner/control-ner", "sentiment/control-sentiment"],
    "features": ["glove-mini", "glove-mini+elmo-mini"],
    "heads": ["linear"],
    "seeds": [1],
}


def test_the_largest_task_and_each_contextual_model_count_once() -> None:
    context = RunContext(parse_experiment(CONTROLS))
    tokens = {
        name: sum(
            len(example.tokens)
            for examples in context.task(name).examples().values()
            for example in examples
        )
        for name in CONTROLS["tasks"]
    }
    found = estimate_worker_memory(context)
    assert found.task == max(tokens, key=lambda name: tokens[name])
    assert found.data == max(tokens.values()) * worker_memory.TOKEN_BYTES
    elmo = next(cell.parts[1] for cell in context.grid_cells if len(cell.parts) == 2)
    assert found.models == 4 * context.provider(elmo).parameters
    assert found.total == found.process + found.data + found.models


@pytest.mark.parametrize(
    ("room", "wanted", "workers"),
    [(10.0, 4, 4), (3.5, 4, 3), (1.0, 4, 1), (0.2, 4, 1), (10.0, 1, 1)],
)
def test_as_many_workers_as_there_is_memory_for(
    monkeypatch: pytest.MonkeyPatch, room: float, wanted: int, workers: int
) -> None:
    context = RunContext(parse_experiment(CONTROLS))
    available = int(room * estimate_worker_memory(context).total)
    monkeypatch.setattr(worker_memory, "available_memory_bytes", lambda: available)
    monkeypatch.setattr("elmobench.bench.launchers.processes.os.cpu_count", lambda: wanted)
    assert workers_that_fit(context, wanted) == workers
    assert ProcessPoolLauncher(LaunchOptions()).default_size(context) == workers


@pytest.mark.parametrize("launcher", ["local", "pool"])
def test_a_run_that_cannot_fit_is_refused_before_any_work(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, launcher: str
) -> None:
    monkeypatch.setattr(worker_memory, "available_memory_bytes", lambda: 100_000_000)
    with pytest.raises(ConfigError, match=r"at least \d+ MB .* 100 MB are available") as caught:
        run_experiment(
            dict(CONTROLS),
            launcher=launcher,
            results=tmp_path / "results",
            store=tmp_path / "store",
            tracker="none",
            quiet=True,
        )
    assert "--limit" in str(caught.value)
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.slow
def test_validate_shows_it(tmp_path: Path) -> None:
    path = tmp_path / "memory.yaml"
    path.write_text(json.dumps(CONTROLS))
    printed = json.loads(elmobench("validate", path, "--store", tmp_path, "--json").stdout)
    [shown] = printed["memory"]
    context = RunContext(parse_experiment(CONTROLS))
    for name in CONTROLS["tasks"]:
        context.task(name).examples()
    assert shown["total"] == estimate_worker_memory(context).total
    assert shown["task"] == "ner/control-ner"
    assert shown["available"] > 0


_MEASURE = """
import json, sys
from pathlib import Path
from elmobench.bench.run import run_experiment
from elmobench.core.memory import own_memory_bytes
folder = Path(sys.argv[2])
run_experiment(
    json.loads(sys.argv[1]), results=folder / "r", store=folder / "s", tracker="none", quiet=True
)
print(own_memory_bytes())
"""


@pytest.mark.nightly
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells own memory")
def test_a_worker_of_linear_probes_takes_what_was_estimated(tmp_path: Path) -> None:
    # What is left after the run: at least half of the estimate, which would refuse too much
    # otherwise, and at most 1 GB, the bound for a worker without a large head.
    experiment = CONTROLS | {"overrides": [{"set": {"training.epochs": 1, "training.grid": {}}}]}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _MEASURE, json.dumps(experiment), str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
    )
    estimate = estimate_worker_memory(RunContext(parse_experiment(CONTROLS))).total
    assert estimate / 2 < int(done.stdout.split()[-1]) < 1e9
