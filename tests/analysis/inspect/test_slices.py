"""Slices: their members, and scores that equal the metric on those examples alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from made_up import record
from seqeval.metrics.sequence_labeling import get_entities

from elmobench import load_provider, load_task
from elmobench.analysis.inspect.slices import MIN_SIZE, slice_table
from elmobench.core.errors import DataError, ElmobenchWarning, UndefinedScoreError
from elmobench.data.sampling import Limit
from elmobench.metrics.base import get_metric
from elmobench.tasks.task import Task
from elmobench.tracking.record_store import RecordStore

TASK = "ner/control-ner"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two systems on a control: one is wrong on every third sentence, one predicts no entity."""
    test = load_task(TASK).split("test")
    words = sorted({word for e in test for word in e.tokens})
    lines = [f"{word} 1.0 2.0" for word in words if len(word) % 5]
    (tmp_path / "words.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    store = RecordStore(tmp_path / "results")
    points = []
    for features in ("flat", "sure"):
        one = record(features, 1, ["pos", "neg"] * 40, task=TASK)
        assert one.result is not None
        rows = [
            {
                "id": e.id,
                "gold": list(e.tags),
                "predicted": list(e.tags) if features == "sure" and i % 3 else ["O"] * len(e.tags),
            }
            for i, e in enumerate(test)
        ]
        changes = {"metric": "span-f1", "primary": "f1", "test": {"f1": 50.0}, "dev": {"f1": 50.0}}
        changes["predictions_digest"] = store.write_predictions(one.cell, rows)
        result = one.result.model_copy(update=changes)
        store.write(one.model_copy(update={"result": result}))
        names = {"task": TASK, "features": features, "head": "linear", "seed": 1, "axes": {}}
        points.append({"cell": one.cell, **names})
    vectors = {"path": str(tmp_path / "words.txt")}
    models = {"sure": {"provider": "static", "files": {"vectors": vectors}}}
    store.write_plan({"name": "x", "caveats": [], "models": models}, points)
    return tmp_path / "results"


def rows_of(folder: Path) -> dict[str, dict[str, Any]]:
    return {row["slice"]: row for row in slice_table(RecordStore(folder)).to_dict("records")}


def test_scores_equal_the_metric_on_the_members(folder: Path) -> None:
    rows = rows_of(folder)
    test, train = (load_task(TASK).split(name) for name in ("test", "train"))
    known = {word.lower() for e in train for word in e.tokens}
    lines = (folder.parent / "words.txt").read_text("utf-8").splitlines()
    static = {line.split()[0] for line in lines}
    expected = {
        "a word not in train": [any(w.lower() not in known for w in e.tokens) for e in test],
        "all words in train": [all(w.lower() in known for w in e.tokens) for e in test],
        "a word not in sure": [any(w not in static for w in e.tokens) for e in test],
        "all words in sure": [all(w in static for w in e.tokens) for e in test],
    }
    shown = 0
    for name, members in expected.items():
        places = [i for i, member in enumerate(members) if member]
        if not MIN_SIZE <= len(places) < len(test):
            assert name not in rows
            continue
        shown += 1
        gold = [list(test[i].tags) for i in places]
        predicted = [g if i % 3 else ["O"] * len(g) for i, g in zip(places, gold, strict=True)]
        score = get_metric("span-f1").compute(gold, predicted).values["f1"]
        assert rows[name]["of"] == len(places)
        assert rows[name]["sure"] == f"{score:.2f}"
        assert rows[name]["flat"] == "0.00"
    assert shown >= 2


def test_slices_without_a_score_are_left_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metric = get_metric("span-f1")
    every = rows_of(folder)

    def compute(gold: list[Any], predicted: list[Any]) -> Any:
        raise UndefinedScoreError("no sentence is long enough")

    monkeypatch.setattr(type(metric), "compute", staticmethod(compute))
    left = rows_of(folder)
    assert set(left) == {name for name in every if every[name]["score"] == "recall"} < set(every)


def test_recall_of_entities_outside_the_training_set(folder: Path) -> None:
    rows = rows_of(folder)
    test, train = (load_task(TASK).split(name) for name in ("test", "train"))

    def surfaces(e: Any) -> Iterator[str]:
        for _, first, last in get_entities(list(e.tags)):
            yield " ".join(e.tokens[first : last + 1]).lower()

    known = {surface for e in train for surface in surfaces(e)}
    shown = 0
    for name, seen in (("entities also in train", True), ("entities not in train", False)):
        found = [i for i, e in enumerate(test) for s in surfaces(e) if (s in known) == seen]
        if len(found) < MIN_SIZE:
            assert name not in rows
            continue
        shown += 1
        right = sum(i % 3 > 0 for i in found)
        assert (rows[name]["score"], rows[name]["of"]) == ("recall", len(found))
        assert rows[name]["sure"] == f"{100 * right / len(found):.2f}"
    assert shown


def test_a_quick_try_knows_the_words_of_its_sample_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("elmobench.analysis.inspect.slices.MIN_SIZE", 10)
    sample = Task(load_task(TASK).card, limit=Limit.parse(40))
    store = RecordStore(tmp_path)
    one = record("flat", 1, ["pos", "neg"] * 40, task=TASK)
    assert one.result is not None
    rows = [
        {"id": e.id, "gold": list(e.tags), "predicted": list(e.tags)} for e in sample.split("test")
    ]
    digest = store.write_predictions(one.cell, rows)
    changes = {"metric": "span-f1", "primary": "f1", "test": {"f1": 100.0}, "dev": {"f1": 100.0}}
    changes["predictions_digest"] = digest
    result = one.result.model_copy(update=changes)
    identity = {**one.identity, "limit": "40"}
    store.write(one.model_copy(update={"result": result, "identity": identity}))
    words = {word.lower() for e in sample.split("train") for word in e.tokens}
    new = sum(any(w.lower() not in words for w in e.tokens) for e in sample.split("test"))
    whole = {word.lower() for e in load_task(TASK).split("train") for word in e.tokens}
    assert new > sum(any(w.lower() not in whole for w in e.tokens) for e in sample.split("test"))
    assert rows_of(tmp_path)["a word not in train"]["of"] == new


def test_missing_predictions_give_no_rows(folder: Path) -> None:
    for path in (folder / "predictions").iterdir():
        path.unlink()
    assert slice_table(RecordStore(folder)).empty


def test_a_contextual_part_has_no_vocabulary() -> None:
    assert load_provider("elmo-random").coverage(["the"]) is None


def test_a_task_whose_data_are_damaged_is_left_out_with_a_warning(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: object) -> None:
        raise DataError("is damaged", where="test.conll:3")

    monkeypatch.setattr("elmobench.tasks.task.Task.split", damaged)
    with pytest.warns(ElmobenchWarning, match=rf"{TASK} is left out: test\.conll:3: is damaged"):
        assert slice_table(RecordStore(folder)).empty
