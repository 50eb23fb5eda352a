"""Identities that must not change unless a version is raised on purpose.

``frozen_identities.json`` was written at commit d164ed7. A record is found by its cell's digest,
and stored vectors by their provider's fingerprint, so a changed value here means that every
user's finished work would be computed again. Change the file only together with the version that
explains the change (of a card, head, metric, provider or the protocol).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from elmobench.bench.context import RunContext
from elmobench.bench.experiment.schema import load_experiment
from elmobench.bench.plan import make_plan
from elmobench.data.cards.catalog import CardCatalog
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.tasks.task import Task, load_task

FROZEN: dict[str, Any] = json.loads(
    Path(__file__).with_name("frozen_identities.json").read_text("utf-8")
)

TASKS: dict[tuple[str, int | None], Task] = {}


def cells_of(experiment: str) -> dict[str, Any]:
    context = RunContext(load_experiment(experiment))
    context._loaded._tasks = TASKS  # experiments share tasks, whose data are read once
    plan = make_plan(context)
    digests = "\n".join(planned.digest for planned in plan)
    return {"count": len(plan), "digest": hashlib.sha256(digests.encode()).hexdigest()}


@pytest.mark.slow
def test_cells_of_the_demo() -> None:
    assert cells_of("demo") == FROZEN["cells"]["demo"]


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize(
    "experiment",
    [
        pytest.param("study/linear", marks=pytest.mark.nightly),
        *("study/small", "study/ablations"),
    ],
)
def test_cells_of_the_study(experiment: str, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELMOBENCH_MIRROR", str(shared / "mirror"))
    assert cells_of(experiment) == FROZEN["cells"][experiment]


@pytest.mark.parametrize("name", sorted(FROZEN["fingerprints"]))
def test_fingerprints(name: str) -> None:
    assert ModelCatalog().load(name, {}).fingerprint == FROZEN["fingerprints"][name]


@pytest.mark.parametrize("name", sorted(FROZEN["data"]))
def test_data_digests(name: str) -> None:
    assert load_task(name).data_digest == FROZEN["data"][name]


def test_every_shipped_card_is_frozen() -> None:
    """A new card is added to the file, with its data's digest."""
    assert sorted(CardCatalog().by_id) == sorted(FROZEN["data"])
