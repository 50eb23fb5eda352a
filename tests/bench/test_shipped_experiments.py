"""Every shipped experiment is valid: its grid can be planned, with small models for large ones."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from elmobench.bench.context import RunContext
from elmobench.bench.experiment.schema import Experiment, known_experiments, load_experiment
from elmobench.bench.plan import make_plan
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.features.spec import parse_features
from elmobench.tasks.task import Task

EXPERIMENTS = known_experiments()
OFFLINE = ("random", "elmo-random", "glove-mini", "elmo-mini", "bert-mini")
CONTROLS: dict[tuple[str, int | None], Task] = {}
NOT_IN_MIRROR = {"nli/snli": "nli/cad-snli", "qa/squad": "qa/squad-small"}


def stand_in(name: str) -> dict[str, Any]:
    """A small model of the same kind as ``name``, with as many layers."""
    description = f"stands in for {name}"
    if name.startswith("elmo"):
        return {"provider": "elmo-random", "description": description}
    if name.startswith("bert"):
        files = {f.role: {"path": str(f.path)} for f in ModelCatalog().files("bert-mini")}
        return {"provider": "transformer", "description": description, "files": files}
    if name.startswith("glove"):
        # Of the same provider, since specs name its settings.
        files = {f.role: {"path": str(f.path)} for f in ModelCatalog().files("glove-mini")}
        return {"provider": "static", "description": description, "files": files}
    return {"provider": "random", "options": {"dim": 50}, "description": description}


def with_small_models(experiment: Experiment, tasks: dict[str, str]) -> Experiment:
    """The experiment with stand-ins for models that are not shipped, and other tasks."""
    parts = {part.name for spec in experiment.features for part in parse_features(spec).parts}
    # Longer names first, since one may begin another. A name of the catalog cannot be redefined.
    large = sorted(parts - set(OFFLINE), key=len, reverse=True)
    values = experiment.model_dump(exclude_unset=True)
    values["models"] = {f"{name}-small": stand_in(name) for name in large}
    values["features"] = [with_small_names(spec, large) for spec in experiment.features]
    values["tasks"] = list(dict.fromkeys(tasks.get(task, task) for task in experiment.tasks))
    for override in values.get("overrides", ()):
        when = override.get("when", {})
        if isinstance(when.get("task"), str):
            when["task"] = tasks.get(when["task"], when["task"])
        if isinstance(when.get("features"), str):
            when["features"] = with_small_names(when["features"], large)
    for claim in values.get("claims", ()):
        claim |= {side: with_small_names(claim[side], large) for side in ("left", "right")}
        if "tasks" in claim:
            claim["tasks"] = [tasks.get(task, task) for task in claim["tasks"]]
    return Experiment.model_validate(values)


def with_small_names(spec: str, large: list[str]) -> str:
    """``spec`` with ``-small`` after the name of each model in ``large``."""
    if not large:
        return spec
    pattern = "|".join(map(re.escape, large))
    return re.sub(rf"(^|\+)({pattern})(?=$|[@+(])", r"\1\2-small", spec)


def test_the_paper_and_its_counterparts_are_shipped() -> None:
    for number in ("table1", "table2", "table3", "figure1", "figure2"):
        assert f"paper/{number}" in EXPERIMENTS
        assert f"paper/open-{number}" in EXPERIMENTS


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_grid_is_valid(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the control of each pipeline as data: axes, heads, features, options and overrides."""
    experiment = load_experiment(name)
    controls = {task: "{0}/control-{0}".format(task.split("/")[0]) for task in experiment.tasks}
    small = with_small_models(experiment, controls)
    context = RunContext(small, store_root=tmp_path)
    # Experiments share the controls, which are made once.
    monkeypatch.setattr(context._loaded, "_tasks", CONTROLS)
    plan = make_plan(context)
    assert plan
    features = {cell.cell.features for cell in plan}
    added = {f"{spec}@layer=0" for spec in small.features} if small.probe_kit else set()
    assert set(small.features) <= features <= set(small.features) | added
    assert {cell.cell.task for cell in plan} == set(controls.values())


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_the_grids_are_valid_on_real_data(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one test, since experiments share tasks, whose data are read once."""
    monkeypatch.setenv("ELMOBENCH_MIRROR", str(shared / "mirror"))
    tasks: dict[tuple[str, int | None], Task] = {}
    for name in EXPERIMENTS:
        experiment = with_small_models(load_experiment(name), NOT_IN_MIRROR)
        context = RunContext(experiment, store_root=tmp_path)
        monkeypatch.setattr(context._loaded, "_tasks", tasks)
        plan = make_plan(context)
        assert {cell.cell.task for cell in plan} == set(experiment.tasks), name
