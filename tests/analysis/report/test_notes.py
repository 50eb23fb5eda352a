"""Notes below the tables: those of a whole task are one row, all others name their cell."""

from __future__ import annotations

from pathlib import Path

from made_up import keep, predictions, record

from elmobench.analysis.report.report import make_report
from elmobench.tracking.record_store import RecordStore

LABELS = "these labels differ only by case, and are different classes"


def test_a_note_of_all_cells_of_a_task_is_listed_once(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    for task, features, seed, notes in (
        ("sentiment/a", "flat", 1, [LABELS]),
        ("sentiment/a", "flat", 2, ["edge", LABELS]),
        ("sentiment/a", "flat+deep", 1, [LABELS]),
        ("sentiment/b", "flat", 1, [LABELS]),
        ("sentiment/c", "flat", 1, [LABELS]),
        ("sentiment/c", "flat", 2, []),
    ):
        predicted = predictions(8)
        made = record(features, seed, predicted, task=task)
        result = made.result.model_copy(update={"notes": notes})
        keep(store, made.model_copy(update={"result": result}), predicted)

    labels = {(label, note) for label, note in make_report(tmp_path).notes}
    assert labels == {
        ("sentiment/a, all 3 cells", LABELS),
        ("sentiment/a flat linear seed 2", "edge"),
        # One cell, or not all cells of its task: named.
        ("sentiment/b flat linear seed 1", LABELS),
        ("sentiment/c flat linear seed 1", LABELS),
    }
    assert len(make_report(tmp_path).notes) == 4
