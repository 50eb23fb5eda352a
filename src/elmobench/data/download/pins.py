"""Digests pinned on first use: those of files fetched with ``--trust-first``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypedDict

from filelock import FileLock

from elmobench.core import paths
from elmobench.core.errors import DataError
from elmobench.core.files import write_text


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
    """
    pin_all({url: {"sha256": sha256, "bytes": size}})


def pin_all(new: Mapping[str, Pin]) -> None:
    """Pin the digests of several addresses: all of them or, if interrupted, none."""
    file = paths.lock_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{file}.lock"):
        pins = _read()
        pins |= new
        write_text(file, json.dumps(pins, indent=1, sort_keys=True) + "\n")


def unpin(*urls: str) -> None:
    """Delete the pins of ``urls``, if there are any."""
    file = paths.lock_file()
    if not file.is_file():
        return
    with FileLock(f"{file}.lock"):
        pins = _read()
        kept = {url: row for url, row in pins.items() if url not in urls}
        if kept != pins:
            write_text(file, json.dumps(kept, indent=1, sort_keys=True) + "\n")


def _read() -> dict[str, Pin]:
    file = paths.lock_file()
    if not file.is_file():
        return {}
    try:
        pins = json.loads(file.read_text("utf-8"))
        return {
            url: {"sha256": str(row["sha256"]), "bytes": int(row["bytes"])}
            for url, row in pins.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            "is not a file of pinned digests",
            where=str(file),
            fix="remove it; files fetched with --trust-first must then be trusted again",
        ) from error
