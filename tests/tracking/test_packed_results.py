"""Packed results: the same content in three files, readable by every command."""

from __future__ import annotations

import contextlib
import gzip
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from other_files import OTHER_FILES, make_other_file

from elmobench.core.errors import DataError
from elmobench.core.files import write_bytes
from elmobench.tracking import packed, packing
from elmobench.tracking.packed import (
    PACKED_FILES,
    PREDICTIONS,
    RECORDS,
    SEARCHES,
    PackedPredictions,
    search_bytes,
    single_files,
)
from elmobench.tracking.packing import pack, unpack
from elmobench.tracking.record import Result, RunRecord
from elmobench.tracking.record_store import RecordStore

ROOT = Path(__file__).resolve().parents[2]
# Six prediction rows of two test sets; one has units, and a lone surrogate in a label.
GOLD = {
    "a": [{"id": "1", "gold": "x", "unit": "d1"}, {"id": "2", "gold": "y\ud800"}],
    "b": [{"id": "1", "gold": [["B-PER", "O"]]}, {"id": "2", "gold": None}],
}


def record(cell: str, seed: int, digest: str, **changes: Any) -> RunRecord:
    result = Result(
        metric="accuracy",
        primary="accuracy",
        test={"accuracy": 0.1 + 0.2},
        dev={"accuracy": 50.0},
        per_class={},
        best_epoch=1,
        predictions_digest=digest,
        layer_weights={},
        curve=[],
    )
    values: dict[str, Any] = {
        "cell": cell,
        "experiment": "e",
        "task": "sentiment/t",
        "pipeline": "sentiment",
        "features": "random",
        "head": "linear",
        "seed": seed,
        "axes": {"train_fraction": 0.1},
        "identity": {"z": 1, "a": "é"},
        "status": "ok",
        "result": result,
        **changes,
    }
    return RunRecord(**values)


def write(store: RecordStore, cell: str, seed: int, test_set: str, answers: list[Any]) -> None:
    rows = [{**row, "predicted": a} for row, a in zip(GOLD[test_set], answers, strict=True)]
    store.write(record(cell, seed, store.write_predictions(cell, rows)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three cells with predictions, one that failed, and a search."""
    store = RecordStore(tmp_path / "results")
    write(store, "1" * 64, 1, "a", ["x", "x"])
    write(store, "2" * 64, 2, "a", ["y\ud800", "x"])
    write(store, "3" * 64, 1, "b", [["O"], None])
    store.write(record("4" * 64, 3, "", status="failed", error="boom", result=None))
    # Earlier versions kept searches apart from records.
    search = {"key": "5" * 64, "chosen": {"lr": 0.1}, "dev": [{"candidate": {}, "score": 1.5}]}
    write_bytes(store.folder / "selections" / f"{'5' * 16}.json", search_bytes(search))
    return store.folder


def contents(folder: Path) -> dict[str, bytes]:
    """The single files of a results folder; predictions decompressed."""
    return {
        f"{kind}/{path.name}": gzip.decompress(data) if kind == "predictions" else data
        for kind, path in single_files(folder)
        if (data := path.read_bytes()) is not None
    }


def state(folder: Path) -> Any:
    """What readers see."""
    store = RecordStore(folder)
    records = list(store)
    return (
        [r.model_dump() for r in records],
        [store.read_predictions(r.cell) for r in records if r.result is not None],
        store.cell_names(),
    )


def test_packing_and_unpacking_lose_nothing(folder: Path) -> None:
    before, seen = contents(folder), state(folder)
    report = pack(folder)
    assert (report.records, report.searches, report.predictions) == (4, 1, 3)
    assert sorted(path.name for path in folder.iterdir()) == sorted(PACKED_FILES)
    assert state(folder) == seen
    assert unpack(folder).records == 4
    assert contents(folder) == before
    assert state(folder) == seen


def test_equal_content_gives_equal_bytes(folder: Path) -> None:
    pack(folder)
    first = {name: (folder / name).read_bytes() for name in PACKED_FILES}
    unpack(folder)
    pack(folder)
    pack(folder)  # what is packed already stays
    assert {name: (folder / name).read_bytes() for name in PACKED_FILES} == first


def test_pandas_opens_the_files(folder: Path) -> None:
    pack(folder)
    frame = pd.read_json(folder / RECORDS, lines=True, dtype={"cell": str})
    assert list(frame["seed"]) == [1, 2, 1, 3]
    assert len(pd.read_json(folder / SEARCHES, lines=True)) == 1
    with zipfile.ZipFile(folder / PREDICTIONS) as archive:
        cell = pd.read_json(archive.open("cells/3333333333333333.json"))
        test_set = pd.read_json(archive.open(f"test_sets/{cell['test_set'][0]}.json"))
    assert list(cell["predicted"]) == [["O"], None]
    assert list(test_set["id"]) == [1, 2]


def test_a_run_adds_to_a_packed_folder_and_packing_merges(folder: Path) -> None:
    pack(folder)
    store = RecordStore(folder)
    write(store, "4" * 64, 3, "b", [None, None])  # the failed cell, run again
    write(store, "6" * 64, 6, "a", ["x", "y"])
    seen = state(folder)
    assert store.read("4" * 64).status == "ok"
    assert len(store.cell_names()) == 5
    pack(folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(PACKED_FILES)
    assert state(folder) == seen


def test_a_reader_notices_that_the_folder_was_packed(folder: Path) -> None:
    store = RecordStore(folder)
    seen = store.read("1" * 64)
    pack(folder)
    assert store.read("1" * 64) == seen
    unpack(folder)
    assert store.read("1" * 64) == seen
    write(store, "6" * 64, 6, "a", ["x", "y"])
    pack(folder)
    assert store.read("6" * 64) is not None


def test_a_new_process_reads_it(folder: Path) -> None:
    pack(folder)
    code = (
        "import sys; from pathlib import Path\n"
        "from elmobench.tracking.record_store import RecordStore\n"
        "store = RecordStore(Path(sys.argv[1]))\n"
        "print(len(list(store)), [r['predicted'] for r in store.read_predictions('1' * 64)])"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "4 ['x', 'x']"


@pytest.mark.parametrize("name", PACKED_FILES)
@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_damage_is_an_error_that_names_the_file(folder: Path, name: str, damage: str) -> None:
    pack(folder)
    path = folder / name
    data = bytearray(path.read_bytes())
    if damage == "cut":
        del data[len(data) // 2 :]
    elif damage == "flip":
        # The first member's own bytes: the checksum notices.
        data[len(data) // 2 if name != PREDICTIONS else 60] ^= 0xFF
    else:
        data.clear()
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"cannot be read|is a damaged gzip file") as caught:
        unpack(folder)
    assert caught.value.where.startswith(str(path))
    assert path.read_bytes() == data  # nothing was removed
    if name == RECORDS:
        with pytest.raises(DataError, match="is a damaged gzip file"):
            RecordStore(folder).read("1" * 64)
    elif name == PREDICTIONS:
        store = RecordStore(folder)
        with pytest.raises(DataError, match="packed results cannot be read"):
            [store.read_predictions(cell * 64) for cell in "123"]


@pytest.mark.parametrize("step", ["write_lines", "write_predictions", "_verify", "unlink"])
def test_a_killed_pack_loses_nothing(
    folder: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, seen = contents(folder), state(folder)
    calls = []

    def dies(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments)
        # The second file is not removed, the second packed file not written.
        if len(calls) == 2 or step in ("write_predictions", "_verify"):
            raise KeyboardInterrupt
        return original(*arguments, **options)

    owner = Path if step == "unlink" else packing
    original = getattr(owner, step)
    monkeypatch.setattr(owner, step, dies)
    with pytest.raises(KeyboardInterrupt):
        pack(folder)
    monkeypatch.undo()
    assert state(folder) == seen
    pack(folder)
    assert state(folder) == seen
    unpack(folder)
    assert contents(folder) == before


def test_predictions_of_another_result_are_not_packed(folder: Path) -> None:
    store = RecordStore(folder)
    store.predictions_path("1" * 64).write_bytes(store.predictions_path("2" * 64).read_bytes())
    with pytest.raises(DataError, match="not the predictions that the record describes"):
        pack(folder)
    assert not (folder / RECORDS).exists()


def test_a_file_that_would_change_is_not_packed(folder: Path) -> None:
    path = RecordStore(folder).record_path("1" * 64)
    path.write_text(json.dumps(json.loads(path.read_text("utf-8"))))  # without line breaks
    with pytest.raises(DataError, match="packing would change it"):
        pack(folder)
    assert path.exists()


def test_a_folder_without_records_is_refused(tmp_path: Path) -> None:
    for convert in (pack, unpack):
        with pytest.raises(DataError, match="no run records here"):
            convert(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_number_that_is_not_finite_is_no_record(folder: Path) -> None:
    store = RecordStore(folder)
    diverged = record("7" * 64, 7, "")
    diverged.result.dev["accuracy"] = float("nan")
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.write(diverged)
    path = store.record_path("1" * 64)
    path.write_text(path.read_text("utf-8").replace("50.0", "NaN"), "utf-8")
    for read in (lambda: store.read("1" * 64), lambda: pack(folder)):
        with pytest.raises(DataError, match="NaN is not a finite number") as caught:
            read()
        assert caught.value.where.startswith(str(path))


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("records/foo.json", b'{\n "a": 1\n}\n', "run record of schema None"),
        ("records/1111111111111111 (1).json", None, "not named after its cell"),
        ("selections/foo.json", b'{\n "key": 1\n}\n', "not named after its key"),
        ("predictions/foo.json.gz", gzip.compress(b"{}", mtime=0), "must be a list"),
        (
            "predictions/foo.json.gz",
            gzip.compress(b'[{"id":"1"}]', mtime=0),
            "a prediction needs id, gold and predicted",
        ),
        ("predictions/foo.json.gz", gzip.compress(b"[ ]", mtime=0), "packing would change it"),
        ("predictions/foo.json.gz", b"x", "is a damaged gzip file"),
    ],
)
def test_what_cannot_be_packed_leaves_the_folder_as_it_was(
    folder: Path, name: str, data: bytes | None, message: str
) -> None:
    seen = state(folder)
    path = folder / name
    path.write_bytes(
        RecordStore(folder).record_path("1" * 64).read_bytes() if data is None else data
    )
    files = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    with pytest.raises(DataError, match=message) as caught:
        pack(folder)
    assert caught.value.where.startswith(str(path))
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == files
    path.unlink()
    assert state(folder) == seen


@pytest.mark.parametrize("kind", ["records", "selections", "predictions"])
def test_a_file_that_a_run_replaces_meanwhile_stays(
    folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = next(path for found, path in single_files(folder) if found == kind)
    verify = packing._verify

    def replace(*arguments: Any) -> None:
        verify(*arguments)
        write_bytes(path, b"of a run")

    monkeypatch.setattr(packing, "_verify", replace)
    pack(folder)
    assert [p for _, p in single_files(folder)] == [path]
    assert path.read_bytes() == b"of a run"


@pytest.mark.parametrize("first", [pack, unpack])
def test_a_reader_finds_a_cell_while_the_folder_is_converted(
    folder: Path, first: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is converted after the reader has looked at one form, before the other."""
    seen = state(folder)
    second = unpack if first is pack else pack
    second(folder)
    packed, rows = RecordStore._packed, PackedPredictions.rows
    for read in (
        lambda store: [r.model_dump() for r in store],
        lambda store: store.cell_names(),
        lambda store: store.read("1" * 64).model_dump(),
        lambda store: store.read_predictions("1" * 64),
    ):
        expected = read(RecordStore(folder))
        calls = []

        def convert(folder: Path = folder, calls: list[int] = calls) -> None:
            if not calls:
                calls.append(1)
                first(folder)

        def packed_after(self: Any, *a: Any, convert: Any = convert) -> Any:
            convert()
            return packed(self, *a)

        def rows_after(self: Any, *a: Any, convert: Any = convert) -> Any:
            convert()
            return rows(self, *a)

        with monkeypatch.context() as patch:
            patch.setattr(RecordStore, "_packed", packed_after)
            patch.setattr(PackedPredictions, "rows", rows_after)
            assert read(RecordStore(folder)) == expected
        second(folder)
    first(folder)
    assert state(folder) == seen


def test_every_damaged_byte_of_the_directory_of_the_archive_is_an_error_or_harmless(
    folder: Path,
) -> None:
    pack(folder)
    path = folder / PREDICTIONS
    data = path.read_bytes()
    for place in range(data.index(b"PK\x01\x02"), len(data)):
        for bits in (0x01, 0x0E, 0x80, 0xFF):
            changed = bytearray(data)
            changed[place] ^= bits
            path.write_bytes(changed)
            store = PackedPredictions(path)
            with contextlib.suppress(DataError):
                [store.rows(cell) for cell in store.cells()]


@pytest.mark.parametrize("schema", [1, 2])
def test_a_damaged_packed_record_is_not_fixed_by_deleting_all_records(
    folder: Path, schema: int
) -> None:
    pack(folder)
    lines = [
        json.loads(line) for line in gzip.decompress((folder / RECORDS).read_bytes()).splitlines()
    ]
    lines[0] |= {"unknown": 1, "schema_version": schema}
    if schema == 1:
        del lines[0]["sha256"]
    (folder / RECORDS).write_bytes(
        gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode())
    )
    message = "not a run record" if schema == 1 else "does not have the digest"
    with pytest.raises(DataError, match=message) as caught:
        RecordStore(folder).read("1" * 64)
    assert caught.value.where == f"{folder / RECORDS}: cell {'1' * 16}"
    assert caught.value.fix.startswith(f"`elmobench results unpack {folder}`")
    unpack(folder)
    RecordStore(folder).record_path("1" * 64).unlink()
    assert len(list(RecordStore(folder))) == 3


def _repack(path: Path, changed: dict[str, bytes]) -> None:
    """Write an archive again, whole, with other content of some members."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()} | changed
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_a_packed_test_set_is_compared_with_its_digest(folder: Path) -> None:
    """Also its units, which the digest in a record does not cover."""
    pack(folder)
    with zipfile.ZipFile(folder / PREDICTIONS) as archive:
        sets = {n: archive.read(n) for n in archive.namelist() if n.startswith("test_sets/")}
    (name,) = (name for name, content in sets.items() if b'"d1"' in content)
    _repack(folder / PREDICTIONS, {name: sets[name].replace(b'"d1"', b'"d2"')})
    with pytest.raises(DataError, match="the test set does not have the digest"):
        RecordStore(folder).read_predictions("1" * 64)


def test_packed_predictions_that_are_too_large_are_not_unpacked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(folder)
    name = f"cells/{'1' * 16}.json"
    with zipfile.ZipFile(folder / PREDICTIONS) as archive:
        content = archive.read(name)
    monkeypatch.setattr(packed, "MAX_UNPACKED_BYTES", 5000)
    _repack(folder / PREDICTIONS, {name: content.ljust(5000)})
    assert RecordStore(folder).read_predictions("1" * 64)
    _repack(folder / PREDICTIONS, {name: content.ljust(5001)})
    monkeypatch.setattr(zipfile.ZipExtFile, "read", None)
    with pytest.raises(DataError, match="it holds more than 5,000 bytes"):
        RecordStore(folder).read_predictions("1" * 64)


@pytest.mark.parametrize("what", OTHER_FILES)
@pytest.mark.parametrize("name", [PREDICTIONS, RECORDS])
def test_something_else_in_place_of_a_packed_file_is_an_error(
    tmp_path: Path, name: str, what: str
) -> None:
    """Opening a pipe would wait for a writer; a broken link is not a file that is missing."""
    make_other_file(tmp_path / name, what)
    reason = {"folder": "directory", "link": "No such file"}.get(what, "not a file, but a pipe")
    results = RecordStore(tmp_path)
    read = {RECORDS: lambda: list(results), PREDICTIONS: lambda: results.read_predictions("1" * 64)}
    with pytest.raises(DataError, match=rf"{name}: .*{reason}"):
        read[name]()
