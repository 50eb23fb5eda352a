"""What belongs to a task is released when the cells of another task begin."""

from __future__ import annotations

import copy
import gc
import weakref
from pathlib import Path

import pytest

from elmobench.bench import context as context_module
from elmobench.bench import loaded_tasks
from elmobench.bench.context import RunContext
from elmobench.bench.experiment.schema import parse_experiment
from elmobench.bench.run import run_experiment
from elmobench.data.cards.catalog import CardCatalog
from elmobench.tasks.task import load_task

_MAPS = Path("/proc/self/maps")


@pytest.fixture
def two_tasks(tiny: dict) -> dict:
    return copy.deepcopy(tiny) | {
        "tasks": ["ner/tiny", "sentiment/tiny"],
        "features": ["random+elmo-random"],
        "heads": ["linear"],
        "overrides": [{"set": {"training.epochs": 1, "training.grid": {}}}],
    }


@pytest.fixture
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaded_tasks, "KEPT_TOKENS", 0)
    monkeypatch.setattr(context_module, "KEPT_TOKENS", 0)


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_kept")
def test_examples_sentences_and_mapped_shards_go_when_another_task_begins(
    two_tasks: dict, cards: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    context = RunContext(parse_experiment(two_tasks), CardCatalog([cards]), store)
    first, second = context.grid_cells
    part = first.parts[1]
    context.store.build(context.provider(part), context.sentences(first))
    context.view(first, part).gather([0, 1], None)
    alive = [
        weakref.ref(context.prepared(first).table),
        weakref.ref(context.prepared(first).sets["train"]),
        weakref.ref(context.stored(part)),
    ]
    if _MAPS.exists():
        assert str(store) in _MAPS.read_text()
    context.prepared(second)
    gc.collect()
    assert [ref() for ref in alive] == [None, None, None]
    if _MAPS.exists():
        assert str(store) not in _MAPS.read_text()
    assert context.task(first.task).tokens_in_memory == 0
    # It can be used again.
    assert context.view(first, part).gather([0, 1], None).shape[0] == 2


def test_examples_of_small_tasks_are_read_once(two_tasks: dict, cards: Path) -> None:
    context = RunContext(parse_experiment(two_tasks), CardCatalog([cards]))
    first, second = context.grid_cells
    example = context.task(first.task).split("train")[0]
    context.prepared(first)
    context.prepared(second)
    assert context.task(first.task).split("train")[0] is example


def test_a_released_task_keeps_labels_sizes_and_units(cards: Path) -> None:
    task = load_task("ner/tiny", [cards])
    example = task.split("test")[0]
    before = (task.labels, task.split_counts, task.label_notes, task.resampling_unit(example))
    assert task.tokens_in_memory == sum(n.tokens or 0 for n in task.split_counts.values())
    task.release()
    assert (task.labels, task.split_counts, task.label_notes) == before[:3]
    assert task.resampling_unit(example) == before[3]
    assert task.tokens_in_memory == 0, "labels and sizes need no examples"
    assert task.split("test")[0] == example


@pytest.mark.slow
def test_results_are_the_same_whatever_is_kept(
    two_tasks: dict, cards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def results(name: str) -> list[object]:
        summary = run_experiment(
            copy.deepcopy(two_tasks),
            cards=CardCatalog([cards]),
            results=tmp_path / name,
            store=tmp_path / "store",
            tracker="none",
            quiet=True,
        )
        assert summary.trained == 2
        return [record.result for record in summary.records]

    kept = results("kept")
    monkeypatch.setattr(loaded_tasks, "KEPT_TOKENS", 0)
    monkeypatch.setattr(context_module, "KEPT_TOKENS", 0)
    assert results("released") == kept
