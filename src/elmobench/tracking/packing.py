"""Pack and unpack a results folder; a file is removed after its copy was read back and compared."""

from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from elmobench.core.digests import digest_of
from elmobench.core.errors import DataError
from elmobench.core.files import write_bytes, write_text
from elmobench.tracking.packed import (
    KEY_LENGTH,
    PACKED_FILES,
    PREDICTIONS,
    RECORDS,
    SEARCHES,
    PackedPredictions,
    Rows,
    packed_lines,
    prediction_bytes,
    record_text,
    search_text,
    single_files,
    write_lines,
    write_predictions,
)


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
    before = _size(folder)
    files = list(single_files(folder))
    versions = {path: _version(path) for _, path in files}
    contents = {path: path.read_bytes() for kind, path in files if kind != "predictions"}
    records = packed_lines(folder / RECORDS, "cell")
    searches = packed_lines(folder / SEARCHES, "key")
    for kind, path in files:
        if kind == "records":
            records[path.stem] = _content(path, contents[path], "cell", record_text)
        elif kind == "selections":
            searches[path.stem] = _content(path, contents[path], "key", search_text)
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
    before = _size(folder)
    records = packed_lines(folder / RECORDS, "cell")
    searches = packed_lines(folder / SEARCHES, "key")
    packed = PackedPredictions(folder / PREDICTIONS)
    cells = packed.cells()
    _require_records(folder, [*records, *(folder / "records").glob("*.json")])
    existing = {(kind, _name(path)) for kind, path in single_files(folder)}
    for name, content in records.items():
        if ("records", name) not in existing:
            write_text(folder / "records" / f"{name}.json", record_text(content))
    for name, content in searches.items():
        if ("selections", name) not in existing:
            write_text(folder / "selections" / f"{name}.json", search_text(content))
    for cell in cells:
        if ("predictions", cell) not in existing:
            rows = packed.rows(cell)
            assert rows is not None, "the archive lists this cell"
            write_single(folder / "predictions" / f"{cell}.json.gz", rows)
    for name in PACKED_FILES:
        (folder / name).unlink(missing_ok=True)
    counts = {"records": 0, "selections": 0, "predictions": 0}
    for kind, _ in single_files(folder):
        counts[kind] += 1
    return PackReport(
        counts["records"], counts["selections"], counts["predictions"], before, _size(folder)
    )


def read_single(path: Path) -> Rows:
    """Read the predictions of one cell from an unpacked file (``predictions/CELL.json.gz``).

    Raises:
        DataError: if it is missing or damaged.
    """
    try:
        rows: Rows = json.loads(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"predictions cannot be read: {error}", where=str(path)) from error
    return rows


def write_single(path: Path, rows: Rows) -> None:
    """Write a single file of predictions; equal rows give equal bytes."""
    write_bytes(path, gzip.compress(prediction_bytes(rows), 9, mtime=0))


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
        rows = read_single(path)
        if not _is_prediction_rows(rows) or not _has_content(path, rows):
            raise _changed(path)
        result = records.get(cell, {}).get("result")
        if not isinstance(result, dict):
            continue
        plain = [{k: v for k, v in row.items() if k != "unit"} for row in rows]
        if digest_of(plain) != result.get("predictions_digest"):
            raise DataError(
                "these are not the predictions that the record describes",
                where=str(path),
                fix="delete the file and the record of the same name, and run the cell again",
            )


def _verify(folder: Path, contents: dict[Path, bytes], single: dict[str, Path]) -> None:
    """Read the packed files back and compare them with the single files."""
    records = packed_lines(folder / RECORDS, "cell")
    searches = packed_lines(folder / SEARCHES, "key")
    texts = {("records", name): record_text(content) for name, content in records.items()}
    texts |= {("selections", name): search_text(content) for name, content in searches.items()}
    for path, content in contents.items():
        text = texts.get((path.parent.name, path.stem), "")
        if text.encode("utf-8", "surrogatepass") != content:
            raise _changed(path)
    packed = PackedPredictions(folder / PREDICTIONS)
    for cell, path in single.items():
        rows = packed.rows(cell)
        if rows is None or not _has_content(path, rows):
            raise _changed(path)


def _is_prediction_rows(rows: Any) -> bool:
    """Whether each row has an id, a gold annotation and a prediction, and perhaps a unit."""
    needed, known = {"id", "gold", "predicted"}, {"id", "gold", "predicted", "unit"}
    return isinstance(rows, list) and all(
        isinstance(row, dict)
        and needed <= row.keys() <= known
        and row.get("unit", row["id"]) is not None
        for row in rows
    )


def _has_content(path: Path, rows: Rows) -> bool:
    """Whether a single file of predictions is as :func:`write_single` writes ``rows``."""
    try:
        return prediction_bytes(rows) == gzip.decompress(path.read_bytes())
    except ValueError:  # a number that is not finite, which no version writes
        return False


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
    path: Path, data: bytes, key: str, text: Callable[[Mapping[str, Any]], str]
) -> dict[str, Any]:
    """The content of a single file of records or searches.

    Args:
        path: the file.
        data: its bytes.
        key: the field whose first characters are the file's name.
        text: gives the bytes that this version writes for the content.

    Raises:
        DataError: if it is damaged, has another name, or would not be the same after unpacking.
    """
    content = _json(path, data)
    if str(content.get(key))[: len(path.stem)] != path.stem or len(path.stem) != KEY_LENGTH:
        raise DataError(
            f"the file is not named after its {key}, so packing would lose its name",
            where=str(path),
            fix="move it to another folder",
        )
    if text(content).encode("utf-8", "surrogatepass") != data:
        raise _changed(path)
    return content


def _json(path: Path, data: bytes) -> dict[str, Any]:
    try:
        content = json.loads(data.decode("utf-8", "surrogatepass"))
    except ValueError as error:
        raise DataError(
            f"not JSON: {error}", where=str(path), fix="delete it and run the cell again"
        ) from error
    if not isinstance(content, dict):
        raise DataError("holds no JSON object", where=str(path), fix="delete it and run again")
    return content


def _name(path: Path) -> str:
    return path.name.partition(".")[0]


def _size(folder: Path) -> int:
    files = [path for _, path in single_files(folder)] + [folder / name for name in PACKED_FILES]
    return sum(path.stat().st_size for path in files if path.exists())
