"""Inputs of a results folder: records, predictions, packed results, heads, plan and costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import tests.helpers.made_up as made_up
import tests.helpers.training_heads as training_heads
import torch
from tests.fuzz.kind import Kind

from elmobench.analysis.board.board import make_board
from elmobench.analysis.board.render import board_page
from elmobench.analysis.tables.cost_table import cost_table
from elmobench.analysis.tables.layer_weights import layer_weight_table
from elmobench.analysis.tables.results_frame import frame_of
from elmobench.analysis.tables.score_tables import score_statistics, score_table
from elmobench.api.results import Results
from elmobench.tracking.packing import pack
from elmobench.tracking.record import record_content
from elmobench.tracking.record_store import RecordStore
from elmobench.training.saved import load_model

_WORDS = (b'"schema_version": 1', b'"status": "ok"', b'"s": null', b'"sha256": ""', b'"seed": 1.5')
_CELLS = 3


def _records(folder: Path) -> RecordStore:
    store = RecordStore(folder)
    for seed in range(1, 1 + _CELLS):
        answers = made_up.predictions(wrong=5 * seed)
        dev = tuple(60 + epoch / 16 for epoch in range(20))
        made_up.keep(store, made_up.record("flat+deep", seed, answers, dev=dev), answers)
    return store


def _write_records(folder: Path) -> None:
    for path in (_records(folder).folder / "predictions").iterdir():
        path.unlink()


def _read_records(folder: Path) -> Any:
    return [record.model_dump() for record in RecordStore(folder)]


def _read_old_records(folder: Path) -> Any:
    """The tables as well, since any value of the right type can be in these."""
    return _read_records(folder), _tables(RecordStore(folder))


def _write_old_records(folder: Path) -> None:
    """Records of schema 1, which have no digest."""
    store = RecordStore(folder)
    for seed in (1, 2):
        run = made_up.record("flat+deep", seed, made_up.GOLD, chosen={"training.lr": 0.1})
        run.schema_version = 1
        assert run.result is not None
        run.result.predictions_digest = "d" * 64
        path = store.record_path(run.cell)
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(record_content(run), indent=1), "utf-8")


def _write_predictions(folder: Path) -> None:
    _records(folder)


def _read_predictions(folder: Path) -> Any:
    store = RecordStore(folder)
    return [store.read_predictions(record.cell) for record in store]


def _write_packed(folder: Path) -> None:
    """Two test sets that differ in their units alone, which no record's digest covers."""
    store = _records(folder)
    for task, examples in (("sentiment/pairs", 2), ("sentiment/fours", 4)):
        answers = made_up.predictions(wrong=examples)
        run = made_up.record("flat+deep", 1, answers, task=task)
        assert run.result is not None
        pairs = enumerate(zip(made_up.GOLD, answers, strict=True))
        rows = [
            {"id": f"{i}", "gold": gold, "predicted": answer, "unit": f"unit {i // examples}"}
            for i, (gold, answer) in pairs
        ]
        run.result.predictions_digest = store.write_predictions(run.cell, rows)
        store.write(run)
    pack(folder)


def _read_packed(folder: Path) -> Any:
    return _read_records(folder), _read_predictions(folder)


def _write_head(folder: Path) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        training_heads.save_linear_head(folder, words=["naïve", *(f"word{i}" for i in range(100))])


def _write_old_head(folder: Path) -> None:
    _write_head(folder)
    path = folder / "head.json"
    content = json.loads(path.read_text("utf-8"))
    del content["sha256"], content["files"]
    path.write_text(json.dumps({**content, "format_version": 2}), "utf-8")


def _read_head(folder: Path) -> Any:
    model, saved = load_model(folder)
    weights = {name: value.tolist() for name, value in model.state_dict().items()}
    return repr(weights), saved.model_dump(exclude={"files", "format_version"})


def _write_plan(folder: Path) -> None:
    store = _records(folder)
    points = [
        {"cell": r.cell, "task": r.task, "features": r.features, "head": r.head, "seed": r.seed}
        | {"axes": {}}
        for r in store
    ]
    store.write_plan({"name": "x", "caveats": ["careful"], "margin": 0.5, "models": {}}, points)
    cost = {"task": "sentiment/made-up", "fingerprint": "flat+deep", "seconds": 1.5, "cpu": 1.0}
    store.add_cost({**cost, "encoded_tokens": 7})
    store.write_length_costs({"threads": 1, "seconds": {"flat": {"5": 0.1, "10": 0.2}}})


def _write_old_plan(folder: Path) -> None:
    """Plan and costs of earlier versions, which have no digest."""
    _write_plan(folder)
    for name in ("experiment.json", "features.json", "lengths.json"):
        path = folder / name
        content = json.loads(path.read_text("utf-8"))
        del content["sha256"], content["format_version"]
        content = content["costs"] if name == "features.json" else content
        path.write_text(json.dumps(content, indent=1), "utf-8")


def _read_plan(folder: Path) -> Any:
    store = RecordStore(folder)
    read = store.experiment(), [r.model_dump() for r in store.planned()]
    return *read, store.costs(), store.length_costs()


def _read_old_plan(folder: Path) -> Any:
    return _read_plan(folder), _tables(RecordStore(folder))


def _tables(store: RecordStore) -> list[Any]:
    records = store.planned()
    frame = frame_of(records)
    tables = (
        score_table(frame),
        score_statistics(frame),
        layer_weight_table(records),
        cost_table(records, store.folder),
    )
    results = Results(store.folder, records)
    shown = repr(results) + results._repr_html_()
    tables += (results.cells, results.scores, results.weights)
    page = board_page(make_board([store.folder]), store.folder)
    return [
        *(table.to_csv() for table in tables),
        *(page.encode("utf-8", "backslashreplace"), shown.encode("utf-8")),
    ]


KINDS = [
    Kind("record", _write_records, _read_records, True, "records/*", _WORDS),
    Kind("old record", _write_old_records, _read_old_records, False, "records/*", _WORDS),
    Kind("predictions", _write_predictions, _read_predictions, True, "predictions/*"),
    Kind("packed results", _write_packed, _read_packed, True, "*.*", weight=2),
    Kind("saved head", _write_head, _read_head, True),
    Kind("old saved head", _write_old_head, _read_head, False, "head.json"),
    Kind("plan and costs", _write_plan, _read_plan, True, "*.json"),
    Kind("old plan and costs", _write_old_plan, _read_old_plan, False, "*.json"),
]
