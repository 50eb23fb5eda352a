"""Digests pinned on first use: those of files fetched with ``--trust-first``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict

from elmobench.core import paths
from elmobench.core.errors import DataError
from elmobench.core.files import locked, remove_leftovers, writing
from elmobench.core.sealed import read_sealed_json, write_sealed_json

_FORMAT = 2
"""Files without a format, of earlier versions, hold the pins themselves and no digest."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FIX = "remove it; files fetched with --trust-first must then be trusted again"


class Pin(TypedDict):
    """SHA-256 (hex) and size in bytes of the file at one address."""

    sha256: str
    bytes: int


def pinned(url: str) -> Pin | None:
    """The pin of ``url``, if there is one."""
    return _read().get(url)


def pinned_below(prefix: str) -> dict[str, Pin]:
    """The pins of all addresses that begin with ``prefix``."""
    return {url: row for url, row in _read().items() if url.startswith(prefix)}


def pin(url: str, sha256: str, size: int) -> None:
    """Store the digest and the size in bytes of ``url`` in the file of pinned digests.

    Several processes may do so at the same time.

    Raises:
        DataError: the file of pins is damaged, or cannot be written.
    """
    pin_all({url: {"sha256": sha256, "bytes": size}})


def pin_all(new: Mapping[str, Pin]) -> None:
    """Pin the digests of several addresses: all of them or, if interrupted, none."""
    with _locked() as file:
        _write(file, _read() | dict(new))


def unpin(*urls: str) -> None:
    """Delete the pins of ``urls``, if there are any."""
    if not os.path.lexists(paths.lock_file()):
        return
    with _locked() as file:
        pins = _read()
        kept = {url: row for url, row in pins.items() if url not in urls}
        if kept != pins:
            _write(file, kept)


@contextmanager
def _locked() -> Iterator[Path]:
    """Yield the file of pins, which no other process writes meanwhile."""
    file = paths.lock_file()
    with locked(Path(f"{file}.lock"), DataError, where=file):
        remove_leftovers(file.parent, file.name)
        yield file


def _write(file: Path, pins: Mapping[str, Pin]) -> None:
    with writing(file, DataError):
        write_sealed_json(file, {"format": _FORMAT, "pins": dict(sorted(pins.items()))})


def _read() -> dict[str, Pin]:
    file = paths.lock_file()
    if not os.path.lexists(file):  # a link that leads nowhere is an error
        return {}
    content = read_sealed_json(file, DataError, required=lambda value: "format" in value, fix=_FIX)
    pins = content
    if "format" in content:
        if content["format"] != _FORMAT or not isinstance(content.get("pins"), dict):
            raise _no_pins(file)
        pins = content["pins"]
    if not all(map(_is_pin, pins.values())):
        raise _no_pins(file)
    return {url: {"sha256": row["sha256"], "bytes": row["bytes"]} for url, row in pins.items()}


def _is_pin(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and isinstance(row.get("sha256"), str)
        and _SHA256.fullmatch(row["sha256"]) is not None
        and type(row.get("bytes")) is int
        and row["bytes"] >= 0
    )


def _no_pins(file: Path) -> DataError:
    return DataError("is not a file of pinned digests", where=str(file), fix=_FIX)
