"""The hyper-parameter search on dev, and the file that keeps it for other seeds."""

from __future__ import annotations

from pathlib import Path

import pytest

from elmobench.bench.experiment.cells import Cell
from elmobench.bench.experiment.grid import grid
from elmobench.bench.experiment.schema import parse_experiment
from elmobench.bench.search import search_key, select
from elmobench.tracking.record_store import RecordStore
from elmobench.training.trainer import TrainingError

IDENTITY = {"task": "t", "seed": 1}
CHOICES = [{"training.lr": lr} for lr in (0.1, 0.2, 0.3)]


@pytest.fixture
def cell() -> Cell:
    experiment = parse_experiment(
        {"name": "t", "tasks": ["s"], "features": ["random"], "heads": ["linear"]}
    )
    return next(grid(experiment, {"s": "sentiment"}))


@pytest.fixture
def records(tmp_path: Path) -> RecordStore:
    return RecordStore(tmp_path)


class Scorer:
    """Scores by learning rate; None diverges."""

    def __init__(self, scores: dict[float, float | None]) -> None:
        self.scores = scores
        self.calls = 0

    def __call__(self, cell: Cell) -> float:
        self.calls += 1
        score = self.scores[cell.training.lr]
        if score is None:
            raise TrainingError("the training loss is nan")
        return score


def test_the_best_is_taken_and_the_first_among_equals(cell: Cell, records: RecordStore) -> None:
    chosen = select(cell, CHOICES, IDENTITY, records, Scorer({0.1: 1.0, 0.2: 2.0, 0.3: 2.0}))
    assert chosen.chosen == {"training.lr": 0.2}
    assert chosen.apply(cell).training.lr == 0.2


def test_a_search_is_kept_for_other_seeds_and_not_for_other_cells(
    cell: Cell, records: RecordStore
) -> None:
    scorer = Scorer({0.1: 1.0, 0.2: 2.0, 0.3: 0.0})
    first = select(cell, CHOICES, IDENTITY, records, scorer)
    assert select(cell, CHOICES, {**IDENTITY, "seed": 2}, records, scorer) == first
    assert scorer.calls == 3
    select(cell, CHOICES, {**IDENTITY, "task": "u"}, records, scorer)
    assert scorer.calls == 6


def test_a_diverging_candidate_is_never_chosen(cell: Cell, records: RecordStore) -> None:
    chosen = select(cell, CHOICES, IDENTITY, records, Scorer({0.1: None, 0.2: 0.0, 0.3: None}))
    assert chosen.chosen == {"training.lr": 0.2}
    assert chosen.as_json()["dev"][0]["score"] is None


def test_if_all_diverge_the_cell_fails(cell: Cell, records: RecordStore) -> None:
    with pytest.raises(TrainingError):
        select(
            cell,
            CHOICES,
            IDENTITY,
            records,
            Scorer({0.1: None, 0.2: None, 0.3: None}),
        )
    assert not records.search_path(search_key(IDENTITY)).exists()


@pytest.mark.parametrize("content", ["{", "[]", '{"key": "other"}', '{"no": "key"}'])
def test_a_damaged_file_is_searched_anew(cell: Cell, records: RecordStore, content: str) -> None:
    path = records.search_path(search_key(IDENTITY))
    path.parent.mkdir()
    path.write_text(content)
    scorer = Scorer({0.1: 1.0, 0.2: 2.0, 0.3: 0.0})
    assert select(cell, CHOICES, IDENTITY, records, scorer).chosen == {"training.lr": 0.2}
    assert scorer.calls == 3
