"""``meta.json`` in a provider's folder: the provider and the precision of its shards."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from elmobench.core.digests import digest_of
from elmobench.core.errors import StoreError
from elmobench.core.files import write_text
from elmobench.features.provider import FeatureProvider
from elmobench.features.store.precision import Precision
from elmobench.features.store.shard import LOCKS, META, folder_lock, write_error

FORMAT: Final = 1
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
        write_text(folder / META, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        (folder / LOCKS).mkdir(exist_ok=True)
    except OSError as error:
        raise write_error(error, folder, 1 << 12) from error


def check_meta(folder: Path, provider: FeatureProvider, precision: Precision) -> None:
    """Raise StoreError if there is a ``meta.json`` that does not match the provider."""
    path = folder / META
    if not path.is_file():
        return
    meta = _load(path)
    for key, value in _identity(provider, precision).items():
        if meta.get(key) != value:
            raise StoreError(
                f"{key} is {meta.get(key)!r}, expected {value!r}",
                where=str(path),
                fix="delete the folder, or bump the provider's version if its layers changed",
            )


def read_meta(folder: Path) -> dict[str, Any]:
    """Read ``meta.json``. Raises StoreError if it is damaged or belongs to another folder."""
    path = folder / META
    meta = _load(path)
    try:
        if folder.name != f"{meta['fingerprint']}-{meta['precision']}":
            raise ValueError("it belongs to another folder")
    except (ValueError, KeyError) as error:
        raise _unreadable(path, error) from error
    return meta


def meta_problem(meta: dict[str, Any]) -> str | None:
    """Describe what is wrong with the content of a ``meta.json``; None if it is unchanged."""
    if not meta.keys() <= _KEYS:
        return f"unknown keys {sorted(meta.keys() - _KEYS)}"
    content = {key: value for key, value in meta.items() if key != "checksum"}
    # Folders written by the first versions have no checksum.
    if "checksum" in meta and meta["checksum"] != digest_of(content):
        return "its content has changed since it was written"
    return None


def _load(path: Path) -> dict[str, Any]:
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(meta, dict):
            raise ValueError("not a mapping")
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    return meta


def _unreadable(path: Path, error: Exception) -> StoreError:
    return StoreError(
        f"cannot be read ({error})",
        where=str(path),
        fix="delete the folder and build the features again",
    )
