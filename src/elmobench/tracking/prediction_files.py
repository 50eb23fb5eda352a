"""Test predictions of one cell: their rows, their digest, and the single file that has them."""

from __future__ import annotations

import gzip
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from elmobench.core.digests import canonical_json, digest_of
from elmobench.core.errors import DataError
from elmobench.core.files import write_bytes
from elmobench.core.parsing import gunzip, parse_json, parsing, read_bytes
from elmobench.core.surrogates import escape_surrogates

Rows = list[dict[str, Any]]
"""``id``, ``gold`` and ``predicted`` of each example, and its ``unit`` where it is not the id."""

_NEEDED = frozenset({"id", "gold", "predicted"})


class MissingPredictionsError(DataError):
    """The predictions of a cell were not kept."""


class DamagedPredictionsError(DataError):
    """The predictions of a cell cannot be read, or are not those that its record describes."""


def predictions_digest(rows: Rows) -> str:
    """The digest that a record has of its predictions: of everything except the units."""
    return digest_of([{k: v for k, v in row.items() if k != "unit"} for row in rows])


def prediction_bytes(rows: Rows) -> bytes:
    """The content of a single file of predictions, before compression."""
    return json_bytes(canonical_json(rows))


def json_bytes(text: str) -> bytes:
    """``text``, which is JSON, as UTF-8; lone surrogates are escaped, since UTF-8 has none."""
    return escape_surrogates(text).encode("utf-8")


def json_text(data: bytes) -> str:
    """UTF-8 as text. Lone surrogates are kept, since earlier versions wrote them as they are."""
    return data.decode("utf-8", "surrogatepass")


def write_single(path: Path, rows: Rows) -> None:
    """Write a single file of predictions; equal rows give equal bytes."""
    write_bytes(path, gzip.compress(prediction_bytes(rows), 9, mtime=0))


def read_single(path: Path, fix: str | None = None) -> Rows:
    """Read the predictions of one cell from an unpacked file (``predictions/CELL.json.gz``).

    Raises:
        MissingPredictionsError: if there is no such file.
        DamagedPredictionsError: if it is damaged.
    """
    return parse_rows(unpacked(path, fix), str(path), fix)


def unpacked(path: Path, fix: str | None = None) -> bytes:
    """The uncompressed content of a single file; raises as :func:`read_single` does."""
    if not os.path.lexists(path):
        raise MissingPredictionsError("predictions were not kept", where=str(path), fix=fix)
    data = read_bytes(path, DamagedPredictionsError, fix=fix)
    return gunzip(data, str(path), DamagedPredictionsError, fix=fix)


def parse_rows(data: bytes, where: str, fix: str | None = None) -> Rows:
    """The rows in the JSON ``data``. Raises DamagedPredictionsError if these are none."""
    with parsing(where, DamagedPredictionsError, what="predictions cannot be read", fix=fix):
        text = json_text(data)
    return checked_rows(parse_json(text, where, DamagedPredictionsError, fix=fix), where, fix)


def checked_rows(rows: Any, where: str, fix: str | None = None) -> Rows:
    """``rows``, after checking that each has an id, gold annotation, prediction and maybe unit."""
    if not isinstance(rows, list):
        raise DamagedPredictionsError("predictions must be a list", where=where, fix=fix)
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict) or not _NEEDED <= row.keys() <= _NEEDED | {"unit"}:
            raise DamagedPredictionsError(
                "a prediction needs id, gold and predicted, and may have a unit",
                where=f"{where}: row {number}",
                fix=fix,
            )
        if not isinstance(row["id"], str) or not isinstance(row.get("unit", ""), str):
            raise DamagedPredictionsError(
                "id and unit of a prediction must be text", where=f"{where}: row {number}", fix=fix
            )
    return rows


def check_digest(rows: Rows, wanted: str, where: str, fix: str | None = None) -> None:
    """Raise DamagedPredictionsError unless ``rows`` have the digest ``wanted`` of a record."""
    if predictions_digest(rows) != wanted:
        raise DamagedPredictionsError(
            "these are not the predictions that the record describes: their digest differs",
            where=where,
            fix=fix,
        )


def columns_of(rows: Rows) -> tuple[dict[str, list[Any]], list[Any]]:
    """The columns of the test set (``id``, ``gold``, and ``unit`` if any), and the predictions."""
    columns = {"id": [row["id"] for row in rows], "gold": [row["gold"] for row in rows]}
    if any("unit" in row for row in rows):
        columns["unit"] = [row.get("unit") for row in rows]
    return columns, [row["predicted"] for row in rows]


def rows_of(columns: Any, predicted: Any) -> Rows:
    """The rows of :func:`columns_of`. Raises a parser's error if the columns do not fit."""
    ids, gold = _column(columns["id"]), _column(columns["gold"])
    units = _column(columns["unit"]) if "unit" in columns else [None] * len(ids)
    return [
        {"id": id_, "gold": gold_, "predicted": answer, **({} if unit is None else {"unit": unit})}
        for id_, gold_, unit, answer in zip(ids, gold, units, _column(predicted), strict=True)
    ]


def _column(values: Any) -> Sequence[Any]:
    if not isinstance(values, list):
        raise TypeError(f"a column is a {type(values).__name__}, expected a list")
    return values
