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
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from elmobench.core.digests import canonical_json, digest_of
from elmobench.core.errors import DataError
from elmobench.core.files import write_bytes

RECORDS = "records.jsonl.gz"
SEARCHES = "searches.jsonl.gz"
PREDICTIONS = "predictions.zip"
PACKED_FILES = (RECORDS, SEARCHES, PREDICTIONS)

KEY_LENGTH = 16
"""Single files are named after the first 16 characters of a cell's digest or a search's key."""
_SINGLE_FILES = (("records", ".json"), ("selections", ".json"), ("predictions", ".json.gz"))
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)
_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    zlib.error,
    zipfile.BadZipFile,
    # A damaged entry of the archive's directory: encrypted, another compression or extra field.
    RuntimeError,
    lzma.LZMAError,
    struct.error,
)

Rows = list[dict[str, Any]]


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
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    try:
        lines = [json.loads(line) for line in gzip.decompress(data).splitlines()]
        if not lines:
            raise ValueError("the file is empty")
        return {line[key][:KEY_LENGTH]: line for line in lines}
    except _DAMAGE as error:
        raise _damaged(path, error) from error


def write_lines(path: Path, lines: Mapping[str, Mapping[str, Any]]) -> None:
    """Write records or searches, sorted by name; remove the file if there are none."""
    if not lines:
        path.unlink(missing_ok=True)
        return
    text = "".join(_compact(lines[name]) + "\n" for name in sorted(lines))
    write_bytes(path, gzip.compress(text.encode("utf-8", "surrogatepass"), 9, mtime=0))


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
        if not self.path.exists():
            return []
        with self._open() as archive:
            names = [name for name in archive.namelist() if name.startswith("cells/")]
        return sorted(name.removeprefix("cells/").removesuffix(".json") for name in names)

    def rows(self, cell: str) -> Rows | None:
        """The prediction rows of ``cell`` as a single file has them; None if it is not packed.

        Raises:
            DataError: if the archive is damaged.
        """
        if not self.path.exists():
            return None
        with self._open() as archive:
            name = f"cells/{cell[:KEY_LENGTH]}.json"
            if name not in archive.namelist():
                return None
            try:
                content = self._member(archive, name)
                test_set = self._test_set(archive, content["test_set"])
                return _rows(test_set, content["predicted"])
            except _DAMAGE as error:
                raise _damaged(self.path, error) from error

    def _open(self) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(self.path)
        except _DAMAGE as error:
            raise _damaged(self.path, error) from error

    def _test_set(self, archive: zipfile.ZipFile, digest: str) -> dict[str, list[Any]]:
        if digest not in self._test_sets:
            self._test_sets[digest] = self._member(archive, f"test_sets/{digest}.json")
        return self._test_sets[digest]

    @staticmethod
    def _member(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(archive.read(name).decode("utf-8", "surrogatepass"))
        return content


def write_predictions(path: Path, cells: Iterable[tuple[str, Callable[[], Rows]]]) -> None:
    """Write the predictions of ``cells``; remove the archive if there are none.

    Args:
        path: the archive.
        cells: each cell's name, and a function that reads its rows.
    """
    members: dict[str, bytes] = {}
    for cell, read in cells:
        columns, predicted = _columns(read())
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


def prediction_bytes(rows: Rows) -> bytes:
    """The content of a single file of predictions, before compression."""
    return canonical_json(rows).encode("utf-8", "surrogatepass")


def record_text(content: Mapping[str, Any]) -> str:
    """The content of a single record file."""
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def search_text(content: Mapping[str, Any]) -> str:
    """The content of a single search file."""
    return json.dumps(content, indent=1) + "\n"


def single_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """The single files of a results folder, sorted, each with its kind: the name of its folder."""
    for kind, suffix in _SINGLE_FILES:
        for path in sorted((folder / kind).glob(f"*{suffix}")):
            yield kind, path


@cache
def _compact_encoder() -> json.JSONEncoder:
    # NaN is allowed: a record may have a score or loss that is not finite.
    return json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


def _compact(content: Any) -> str:
    """JSON in one line, keys in their order."""
    return _compact_encoder().encode(content)


def _encoded(content: Any) -> bytes:
    return _compact(content).encode("utf-8", "surrogatepass")


def _columns(rows: Rows) -> tuple[dict[str, list[Any]], list[Any]]:
    """The test set's columns, and the predictions."""
    columns = {"id": [row["id"] for row in rows], "gold": [row["gold"] for row in rows]}
    if any("unit" in row for row in rows):
        columns["unit"] = [row.get("unit") for row in rows]
    return columns, [row["predicted"] for row in rows]


def _rows(columns: Mapping[str, list[Any]], predicted: list[Any]) -> Rows:
    units = columns.get("unit", [None] * len(predicted))
    return [
        {"id": id_, "gold": gold, "predicted": answer, **({} if unit is None else {"unit": unit})}
        for id_, gold, unit, answer in zip(
            columns["id"], columns["gold"], units, predicted, strict=True
        )
    ]


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(
        f"packed results cannot be read: {error}",
        where=str(path),
        fix="restore the file from its source (for a committed study: `git checkout`)",
    )
