"""Pack and unpack a results folder; a file is removed after its copy was read back and compared."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from elmobench.core.errors import DataError
from elmobench.core.files import remove_leftovers, write_bytes
from elmobench.core.parsing import parse_json_object, parsing
from elmobench.tracking.packed import (
    KEY_LENGTH,
    PACKED_FILES,
    PREDICTIONS,
    RECORDS,
    SEARCHES,
    PackedPredictions,
    packed_lines,
    record_bytes,
    search_bytes,
    single_files,
    write_lines,
    write_predictions,
)
from elmobench.tracking.prediction_files import (
    Rows,
    check_digest,
    prediction_bytes,
    read_single,
    unpacked,
    write_single,
)
from elmobench.tracking.record import parse_record


@dataclass(frozen=True)
class PackReport:
    """What was packed or unpacked.

    Attributes:
        records, searches, predictions: how many the folder has.
        bytes_before, bytes_after: of these files.
    """

    records: int
    searches: int
    predictions: int
    bytes_before: int
    bytes_after: int


def pack(folder: Path) -> PackReport:
    """Put the records, searches and predictions of ``folder`` into packed files.

    What is packed already stays, unless a single file of the same name replaces it. A process that
    is killed leaves a folder that every command reads as before; packing again completes it.

    Raises:
        DataError: if there are no records, a file is damaged, or its content would change;
            nothing was changed then.
    """
    remove_leftovers(folder, deep=True)
    before = _size(folder)
    files = list(single_files(folder))
    versions = {path: _version(path) for _, path in files}
    contents = {path: path.read_bytes() for kind, path in files if kind != "predictions"}
    records = packed_lines(folder / RECORDS, "cell")
    searches = packed_lines(folder / SEARCHES, "key")
    for kind, path in files:
        if kind == "records":
            records[path.stem] = _content(path, contents[path], "cell", record_bytes)
        elif kind == "selections":
            searches[path.stem] = _content(path, contents[path], "key", search_bytes)
    packed = PackedPredictions(folder / PREDICTIONS)
    single = {_name(path): path for kind, path in files if kind == "predictions"}
    cells = sorted({*packed.cells(), *single})
    _require_records(folder, records)

    def reader(cell: str) -> Rows:
        if cell in single:
            return read_single(single[cell])
        rows = packed.rows(cell)
        assert rows is not None, "the archive lists this cell"
        return rows

    _check_predictions(records, {cell: single[cell] for cell in cells if cell in single})
    write_lines(folder / RECORDS, records)
    write_lines(folder / SEARCHES, searches)
    if single:
        write_predictions(folder / PREDICTIONS, [(cell, partial(reader, cell)) for cell in cells])
    _verify(folder, contents, single)
    for _, path in files:
        # A run may have replaced the file meanwhile: its new content stays.
        if _version(path) == versions[path]:
            path.unlink()
    for kind in ("records", "selections", "predictions"):
        with contextlib.suppress(OSError):  # not empty, or missing
            (folder / kind).rmdir()
    return PackReport(len(records), len(searches), len(cells), before, _size(folder))


def unpack(folder: Path) -> PackReport:
    """Write the packed records, searches and predictions of ``folder`` as single files.

    A single file that exists already is newer and stays.

    Raises:
        DataError: if there are no records, or a packed file is damaged; all packed files stay.
    """
    remove_leftovers(folder, deep=True)
    before = _size(folder)
    records = packed_lines(folder / RECORDS, "cell")
    searches = packed_lines(folder / SEARCHES, "key")
    packed = PackedPredictions(folder / PREDICTIONS)
    cells = packed.cells()
    _require_records(folder, [*records, *(folder / "records").glob("*.json")])
    existing = {(kind, _name(path)) for kind, path in single_files(folder)}
    for name, content in records.items():
        if ("records", name) not in existing:
            write_bytes(folder / "records" / f"{name}.json", record_bytes(content))
    for name, content in searches.items():
        if ("selections", name) not in existing:
            write_bytes(folder / "selections" / f"{name}.json", search_bytes(content))
    for cell in cells:
        if ("predictions", cell) not in existing:
            rows = packed.rows(cell)
            assert rows is not None, "the archive lists this cell"
            if cell in records:
                _check_rows(records[cell], rows, f"{folder / PREDICTIONS}: cell {cell}")
            write_single(folder / "predictions" / f"{cell}.json.gz", rows)
    for name in PACKED_FILES:
        (folder / name).unlink(missing_ok=True)
    counts = {"records": 0, "selections": 0, "predictions": 0}
    for kind, _ in single_files(folder):
        counts[kind] += 1
    return PackReport(
        counts["records"], counts["selections"], counts["predictions"], before, _size(folder)
    )


_RUN_AGAIN = (
    "delete the file and the record of the same name, and run the experiment again: only this cell "
    "is trained again"
)


def _require_records(folder: Path, records: Collection[object]) -> None:
    if not records:
        raise DataError(
            "no run records here",
            where=str(folder),
            fix="name the folder of one experiment, e.g. results/demo",
        )


def _check_predictions(records: dict[str, dict[str, Any]], single: dict[str, Path]) -> None:
    """Check that predictions can be packed, and that they are those of their record if any."""
    for cell, path in single.items():
        rows = read_single(path, _RUN_AGAIN)
        if not _has_content(path, rows):
            raise _changed(path)
        if cell in records:
            _check_rows(records[cell], rows, str(path))


def _check_rows(record: Mapping[str, Any], rows: Rows, where: str) -> None:
    """Check that ``rows`` are the predictions that the content of a record describes."""
    result = record.get("result")
    if isinstance(result, dict):
        check_digest(rows, str(result.get("predictions_digest")), where, _RUN_AGAIN)


def _verify(folder: Path, contents: dict[Path, bytes], single: dict[str, Path]) -> None:
    """Read the packed files back and compare them with the single files."""
    records = packed_lines(folder / RECORDS, "cell")
    searches = packed_lines(folder / SEARCHES, "key")
    again = {("records", name): record_bytes(content) for name, content in records.items()}
    again |= {("selections", name): search_bytes(content) for name, content in searches.items()}
    for path, content in contents.items():
        if again.get((path.parent.name, path.stem)) != content:
            raise _changed(path)
    packed = PackedPredictions(folder / PREDICTIONS)
    for cell, path in single.items():
        rows = packed.rows(cell)
        if rows is None or not _has_content(path, rows):
            raise _changed(path)


def _has_content(path: Path, rows: Rows) -> bool:
    """Whether a single file of predictions is as :func:`write_single` writes ``rows``."""
    return prediction_bytes(rows) == unpacked(path)


def _changed(path: Path) -> DataError:
    return DataError(
        "the file is not as this version writes it, so packing would change it",
        where=str(path),
        fix="run the cell again, or leave the folder unpacked",
    )


def _version(path: Path) -> tuple[int, int, int]:
    """Changes whenever the file is replaced, since files are replaced by renaming."""
    state = path.stat()
    return state.st_ino, state.st_mtime_ns, state.st_size


def _content(
    path: Path, data: bytes, key: str, encode: Callable[[Mapping[str, Any]], bytes]
) -> dict[str, Any]:
    """The content of a single file of records or searches.

    Args:
        path: the file.
        data: its bytes.
        key: the field whose first characters are the file's name.
        encode: gives the bytes that this version writes for the content.

    Raises:
        DataError: if it is damaged, has another name, or would not be the same after unpacking.
    """
    content = parse_json_object(data, str(path), DataError, fix=_RUN_AGAIN)
    if key == "cell":
        parse_record(content, str(path))
    if str(content.get(key))[: len(path.stem)] != path.stem or len(path.stem) != KEY_LENGTH:
        raise DataError(
            f"the file is not named after its {key}, so packing would lose its name",
            where=str(path),
            fix="move it to another folder",
        )
    with parsing(path, DataError, what="cannot be packed", fix=_RUN_AGAIN):
        again = encode(content)
    if again != data:
        raise _changed(path)
    return content


def _name(path: Path) -> str:
    return path.name.partition(".")[0]


def _size(folder: Path) -> int:
    files = [path for _, path in single_files(folder)] + [folder / name for name in PACKED_FILES]
    return sum(path.stat().st_size for path in files if path.exists())
