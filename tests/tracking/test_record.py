from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from made_records import make_record

from elmobench.core.errors import DataError, ElmobenchWarning
from elmobench.tracking.prediction_files import MissingPredictionsError
from elmobench.tracking.record import parse_record, read_record
from elmobench.tracking.record_store import RecordStore


def test_a_record_without_the_later_fields_is_read() -> None:
    record = make_record(schema_version=1).model_dump(mode="json")
    for name in ("vectors", "encoded_by", "numerics", "warnings"):
        del record["run"][name]
    run = parse_record(record, "here").run
    assert run is not None
    assert (run.vectors, run.encoded_by, run.numerics) == ({}, {}, {})


def test_a_record_reads_back_in_another_process(tmp_path: Path) -> None:
    record = make_record()
    path = RecordStore(tmp_path).write(record)
    code = (
        "import sys; from pathlib import Path;"
        "from elmobench.tracking.record import read_record;"
        "print(read_record(Path(sys.argv[1])).model_dump_json())"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert json.loads(out.stdout) == record.model_dump(mode="json")


def test_predictions_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    rows = [{"id": "1", "gold": ["O"], "predicted": ["B-é"]}]
    store = RecordStore(tmp_path)
    digest = store.write_predictions("c" * 64, rows)
    before = store.predictions_path("c" * 64).read_bytes()
    assert store.write_predictions("c" * 64, rows) == digest
    assert store.predictions_path("c" * 64).read_bytes() == before
    assert store.read_predictions("c" * 64) == rows
    # Units are kept where they say something, and are no part of the predictions.
    assert store.write_predictions("c" * 64, [{**rows[0], "unit": "1"}]) == digest
    assert store.predictions_path("c" * 64).read_bytes() == before
    assert store.write_predictions("c" * 64, [{**rows[0], "unit": "doc"}]) == digest
    assert store.read_predictions("c" * 64) == [{**rows[0], "unit": "doc"}]


def test_damaged_and_foreign_files_are_clear_errors(tmp_path: Path) -> None:
    path = tmp_path / "records" / "x.json"
    path.parent.mkdir()
    for text, message in (
        ("{", "is not JSON"),
        ("[]", "not a run record|schema"),
        ('{"schema_version": 99}', "schema 99"),
        ('{"schema_version": 1}', "not a run record"),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=message):
            read_record(path)
    store = RecordStore(tmp_path)
    store.predictions_path("c" * 64).parent.mkdir()
    store.predictions_path("c" * 64).write_bytes(b"no gzip")
    with pytest.raises(DataError, match="is a damaged gzip file"):
        store.read_predictions("c" * 64)


@pytest.mark.parametrize("target", ["nowhere", "itself"])
def test_a_broken_link_is_damage_and_no_missing_file(tmp_path: Path, target: str) -> None:
    store = RecordStore(tmp_path)
    cell = "c" * 64
    rows = [{"id": "1", "gold": "a", "predicted": "b"}]
    store.write(make_record())
    store.write_predictions(cell, rows)
    store.write_plan({"name": "x", "caveats": []}, [])
    files = {
        store.record_path(cell): lambda: store.read(cell),
        store.predictions_path(cell): lambda: store.read_predictions(cell),
        store.plan_path: store.planned,
        tmp_path / "records.jsonl.gz": lambda: store.read("d" * 64),
        tmp_path / "predictions.zip": lambda: store.read_predictions("d" * 64),
    }
    for path, read in files.items():
        path.unlink(missing_ok=True)
        path.symlink_to(path if target == "itself" else path.parent / "nowhere")
        with pytest.raises(DataError, match=path.name) as raised:
            read()
        assert not isinstance(raised.value, MissingPredictionsError)
        path.unlink()
    (tmp_path / "features.json").symlink_to("nowhere")
    with pytest.warns(ElmobenchWarning, match=r"features\.json"):
        assert store.costs() == []
