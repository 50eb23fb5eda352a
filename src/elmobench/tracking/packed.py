"""Packed results: the records, searches and predictions of a results folder in three files.

A results folder that runs write to has one file per record, search and set of predictions. A packed
folder has the same content in

``records.jsonl.gz``
    One record per line, sorted by cell: ``pandas.read_json("records.jsonl.gz", lines=True)``.

``searches.jsonl.gz``
    One hyper-parameter search per line, sorted by key. Missing if there was none: earlier versions
    shared a search between seeds, now each record has its own.

``predictions.zip``
    ``test_sets/<digest>.json`` has the columns ``id``, ``gold`` and, where it differs from the id,
    ``unit`` of a test set, which all cells of a task share; ``cells/<cell>.json`` has the digest of
    the cell's test set and its predictions in the same order. Both are read without unpacking the
    rest: ``pandas.read_json(zipfile.ZipFile("predictions.zip").open("cells/….json"))``.

Equal content gives equal bytes: lines and members are sorted, and no time is stored. A single file
in ``records/``, ``selections/`` or ``predictions/`` takes precedence over the packed one, so a run
may add to a packed folder; packing again merges.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from elmobench.core.compressed import open_member
from elmobench.core.digests import digest_of
from elmobench.core.errors import DataError
from elmobench.core.files import write_bytes
from elmobench.core.parsing import (
    MAX_UNPACKED_BYTES,
    check_is_file,
    gunzip,
    parse_json_object,
    parsing,
    read_bytes,
)
from elmobench.tracking.prediction_files import (
    DamagedPredictionsError,
    Rows,
    checked_rows,
    columns_of,
    json_bytes,
    json_text,
    rows_of,
)

RECORDS = "records.jsonl.gz"
SEARCHES = "searches.jsonl.gz"
PREDICTIONS = "predictions.zip"
PACKED_FILES = (RECORDS, SEARCHES, PREDICTIONS)

KEY_LENGTH = 16
"""Single files are named after the first 16 characters of a cell's digest or a search's key."""
_SINGLE_FILES = (("records", ".json"), ("selections", ".json"), ("predictions", ".json.gz"))
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)
_RESTORE = "restore the file from its source (for a committed study: `git checkout`)"
MAX_RECORDS_BYTES = 1 << 29
"""Uncompressed bytes that a packed file of records may have: some 10,000 records of 50 kB."""


def packed_lines(path: Path, key: str) -> dict[str, dict[str, Any]]:
    """Read a packed file of records or searches; empty if there is none.

    Args:
        path: the file.
        key: the field that names a line: ``cell`` or ``key``.

    Returns:
        Each line's content by the first 16 characters of its name, in the file's order.

    Raises:
        DataError: if the file is damaged.
    """
    if not os.path.lexists(path):
        return {}
    lines: dict[str, dict[str, Any]] = {}
    data = read_bytes(path, DataError, fix=_RESTORE)
    data = gunzip(data, str(path), DataError, limit=MAX_RECORDS_BYTES, fix=_RESTORE)
    for number, line in enumerate(data.splitlines(), 1):
        where = f"{path}:{number}"
        with parsing(where, DataError, what="packed results cannot be read", fix=_RESTORE):
            text = json_text(line)
        content = parse_json_object(text, where, DataError, fix=_RESTORE)
        name = content.get(key)
        if not isinstance(name, str) or not name or name[:KEY_LENGTH] in lines:
            raise DataError(
                f"packed results cannot be read: {key!r} must be a text that no other line has",
                where=where,
                fix=_RESTORE,
            )
        lines[name[:KEY_LENGTH]] = content
    if not lines:
        raise DataError(
            "packed results cannot be read: the file is empty", where=str(path), fix=_RESTORE
        )
    return lines


def write_lines(path: Path, lines: Mapping[str, Mapping[str, Any]]) -> None:
    """Write records or searches, sorted by name; remove the file if there are none."""
    if not lines:
        path.unlink(missing_ok=True)
        return
    text = "".join(_compact(lines[name]) + "\n" for name in sorted(lines))
    write_bytes(path, gzip.compress(json_bytes(text), 9, mtime=0))


@dataclass
class PackedPredictions:
    """The predictions of all cells in one zip archive.

    Attributes:
        path: the archive; it may be missing.
    """

    path: Path
    _test_sets: dict[str, dict[str, list[Any]]] = field(default_factory=dict, repr=False)

    def cells(self) -> list[str]:
        """The cells that have predictions, by the first 16 characters of their digests, sorted.

        Raises:
            DataError: if the archive is damaged.
        """
        if not os.path.lexists(self.path):
            return []
        with self._open() as archive:
            names = [name for name in archive.namelist() if name.startswith("cells/")]
        return sorted(name.removeprefix("cells/").removesuffix(".json") for name in names)

    def rows(self, cell: str) -> Rows | None:
        """The prediction rows of ``cell`` as a single file has them; None if it is not packed.

        Raises:
            DamagedPredictionsError: if the archive is damaged.
        """
        if not os.path.lexists(self.path):
            return None
        with self._open() as archive:
            name = f"cells/{cell[:KEY_LENGTH]}.json"
            if name not in archive.namelist():
                return None
            where = f"{self.path}: {name}"
            content = self._member(archive, name)
            with _reading(where):
                test_set = self._test_set(archive, content["test_set"])
                return checked_rows(rows_of(test_set, content["predicted"]), where, _RESTORE)

    @contextmanager
    def _open(self) -> Iterator[zipfile.ZipFile]:
        with _reading(self.path):
            check_is_file(self.path)
            archive = zipfile.ZipFile(self.path)
        with archive:
            yield archive

    def _test_set(self, archive: zipfile.ZipFile, digest: Any) -> dict[str, list[Any]]:
        if not isinstance(digest, str):
            raise TypeError("the digest of the test set is no text")
        if digest not in self._test_sets:
            columns = self._member(archive, f"test_sets/{digest}.json")
            if digest_of(columns)[:KEY_LENGTH] != digest:
                raise ValueError(f"the test set does not have the digest {digest}")
            self._test_sets[digest] = columns
        return self._test_sets[digest]

    def _member(self, archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
        where = f"{self.path}: {name}"
        with _reading(where):
            # No more than the stated size is ever unpacked, and less has another checksum.
            if archive.getinfo(name).file_size > MAX_UNPACKED_BYTES:
                raise ValueError(f"it holds more than {MAX_UNPACKED_BYTES:,} bytes")
            with open_member(archive, name) as stream:
                text = json_text(stream.read())
        return parse_json_object(text, where, DamagedPredictionsError, fix=_RESTORE)


def write_predictions(path: Path, cells: Iterable[tuple[str, Callable[[], Rows]]]) -> None:
    """Write the predictions of ``cells``; remove the archive if there are none.

    Args:
        path: the archive.
        cells: each cell's name, and a function that reads its rows.
    """
    members: dict[str, bytes] = {}
    for cell, read in cells:
        columns, predicted = columns_of(read())
        digest = digest_of(columns)[:KEY_LENGTH]
        content = {"test_set": digest, "predicted": predicted}
        members[f"cells/{cell[:KEY_LENGTH]}.json"] = _encoded(content)
        members.setdefault(f"test_sets/{digest}.json", _encoded(columns))
    if not members:
        path.unlink(missing_ok=True)
        return
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, _FIXED_TIME)
            info.create_system = 3
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, members[name])
    write_bytes(path, buffer.getvalue())


def record_bytes(content: Mapping[str, Any]) -> bytes:
    """The single file of a record.

    Raises:
        ValueError: if it has a number that is not finite.
    """
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    return json_bytes(text + "\n")


def search_bytes(content: Mapping[str, Any]) -> bytes:
    """The single file of a search."""
    return (json.dumps(content, indent=1) + "\n").encode("ascii")


def single_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """The single files of a results folder, sorted, each with its kind: the name of its folder."""
    for kind, suffix in _SINGLE_FILES:
        for path in sorted((folder / kind).glob(f"*{suffix}")):
            yield kind, path


@cache
def _compact_encoder() -> json.JSONEncoder:
    return json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _compact(content: Any) -> str:
    """JSON in one line, keys in their order."""
    return _compact_encoder().encode(content)


def _encoded(content: Any) -> bytes:
    return json_bytes(_compact(content))


@contextmanager
def _reading(where: str | Path) -> Iterator[None]:
    with parsing(
        where, DamagedPredictionsError, what="packed results cannot be read", fix=_RESTORE
    ):
        yield


def _damaged(path: Path, error: Exception) -> DamagedPredictionsError:
    return DamagedPredictionsError(
        f"packed results cannot be read: {error}", where=str(path), fix=_RESTORE
    )
