"""``meta.json`` in a provider's folder: the provider and the precision of its shards."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from elmobench.core.digests import digest_of
from elmobench.core.errors import StoreError
from elmobench.core.files import write_text
from elmobench.core.parsing import read_bytes, read_json_object
from elmobench.core.quoting import shortened
from elmobench.features.provider import FeatureProvider
from elmobench.features.store.damage import DamagedStoreError
from elmobench.features.store.precision import Precision
from elmobench.features.store.shard import LOCKS, META, folder_lock, write_error

FORMAT: Final = 1
CHANGED: Final = "its content has changed since it was written"
REBUILD: Final = (
    "delete this file, or let `elmobench features verify --delete` delete every damaged one, and "
    "run the command again: it is written again"
)
_KEYS = frozenset({"format", "fingerprint", "precision", "layers", "provider", "checksum"})


def _identity(provider: FeatureProvider, precision: Precision) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "fingerprint": provider.fingerprint,
        "precision": precision,
        "layers": [asdict(layer) for layer in provider.layers],
    }


def write_meta(
    folder: Path, provider: FeatureProvider, precision: Precision, lock_held: bool
) -> None:
    """Write ``meta.json`` and create the folder of locks, unless both exist.

    Args:
        folder: of the provider.
        provider: whose features are stored.
        precision: of the stored values.
        lock_held: whether the caller holds the folder's lock already; if not, it is taken.

    Raises:
        StoreError: if they could not be written.
    """
    if (folder / META).is_file() and (folder / LOCKS).is_dir():
        return
    try:
        if not lock_held:
            with folder_lock(folder):
                write_meta(folder, provider, precision, lock_held=True)
            return
        content = {**_identity(provider, precision), "provider": provider.describe()}
        content["checksum"] = digest_of(content)
        write_text(folder / META, _text(content))
        (folder / LOCKS).mkdir(exist_ok=True)
    except OSError as error:
        raise write_error(error, folder) from error


def check_meta(folder: Path, provider: FeatureProvider, precision: Precision) -> None:
    """Check ``meta.json`` if there is one.

    Raises:
        StoreError: it is damaged, or does not match the provider.
    """
    path = folder / META
    if not os.path.lexists(path):
        return
    meta = _load(path)
    for key, value in _identity(provider, precision).items():
        if meta.get(key) != value:
            raise StoreError(
                f"{key} is {shortened(repr(meta.get(key)))}, expected {shortened(repr(value))}",
                where=str(path),
                fix="delete the folder, or bump the provider's version if its layers changed",
            )
    _check_content(path, meta)


def read_meta(folder: Path) -> dict[str, Any]:
    """Read ``meta.json``. Raises StoreError if it is damaged or belongs to another folder."""
    path = folder / META
    meta = _load(path)
    _check_content(path, meta)
    for key in ("fingerprint", "precision"):
        if not isinstance(meta.get(key), str):
            raise _damaged(path, f"{key!r} is not a text")
    if folder.name != f"{meta['fingerprint']}-{meta['precision']}":
        raise _damaged(path, "it belongs to another folder")
    if not isinstance(meta.get("provider", {}), dict):
        raise _damaged(path, "'provider' is not a mapping")
    return meta


def verify_meta(folder: Path) -> None:
    """Check every byte of ``meta.json``. Raises StoreError if anything differs."""
    path = folder / META
    meta = read_meta(folder)
    # Folders written by the first versions have no checksum, and other bytes.
    if (
        "checksum" in meta
        and read_bytes(path, DamagedStoreError, fix=REBUILD) != _text(meta).encode()
    ):
        raise _damaged(path, CHANGED)


def _check_content(path: Path, meta: dict[str, Any]) -> None:
    if not meta.keys() <= _KEYS:
        raise _damaged(path, f"unknown keys {', '.join(sorted(meta.keys() - _KEYS))}")
    content = {key: value for key, value in meta.items() if key != "checksum"}
    if "checksum" in meta and meta["checksum"] != digest_of(content):
        raise _damaged(path, CHANGED)


def _text(meta: dict[str, Any]) -> str:
    return json.dumps(meta, indent=1, ensure_ascii=False) + "\n"


def _load(path: Path) -> dict[str, Any]:
    return read_json_object(path, DamagedStoreError, fix=REBUILD)


def _damaged(path: Path, what: str) -> DamagedStoreError:
    return DamagedStoreError(f"is damaged: {what}", where=str(path), fix=REBUILD)
