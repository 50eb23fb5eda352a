"""Maintenance of a feature store: sizes, checks and deletion."""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from elmobench.core.errors import StoreError
from elmobench.features.store.index import SentenceIndex, WordIndex, sentences_of, words_of
from elmobench.features.store.meta import meta_problem, read_meta
from elmobench.features.store.plan import sentences_name, words_name
from elmobench.features.store.precision import PRECISIONS
from elmobench.features.store.shard import (
    LOCKS,
    META,
    SUFFIX,
    Shard,
    check_shard,
    folder_lock,
    read_shard,
)

_BEING_DELETED = re.compile(rf"\..+-(?:{'|'.join(PRECISIONS)})\.[0-9a-f]{{8}}\.deleted")
"""Names of folders that are being deleted."""


@dataclass(frozen=True, slots=True)
class StoreStat:
    """Sizes of one provider at one precision.

    Attributes:
        fingerprint: of the provider.
        precision: ``fp16``, ``fp32`` or ``int8``.
        name: of the provider when the folder was created.
        sentences, tokens, types: numbers stored.
        bytes: on disk.
        bytes_per_token: bytes per token, or per type for providers without token layers.
        modified: time at which a file was last written, in seconds since the epoch.
    """

    fingerprint: str
    precision: str
    name: str
    sentences: int
    tokens: int
    types: int
    bytes: int
    bytes_per_token: float
    modified: float


def stat_store(root: Path) -> list[StoreStat]:
    """Return the sizes of all features in the store, sorted by name, fingerprint and precision."""
    rows = []
    for folder in _folders(root):
        with _unless_pruned(folder):
            rows.append(_stat(folder, read_meta(folder)))
    return sorted(rows, key=lambda row: (row.name, row.fingerprint, row.precision))


def _stat(folder: Path, meta: dict[str, Any]) -> StoreStat:
    sentences, words = SentenceIndex(folder), WordIndex(folder)
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    counted = sentences.tokens or len(words.row)
    return StoreStat(
        fingerprint=meta["fingerprint"],
        precision=meta["precision"],
        name=str(meta.get("provider", {}).get("name", "?")),
        sentences=len(sentences.row),
        tokens=sentences.tokens,
        types=len(words.row),
        bytes=size,
        bytes_per_token=size / counted if counted else 0.0,
        modified=_modified(folder),
    )


def verify_store(root: Path) -> list[str]:
    """Check every byte of the store; return one line per problem, with the file's name."""
    problems = []
    for folder in _folders(root):
        in_folder = []
        try:
            problem = meta_problem(read_meta(folder))
            if problem is not None:
                in_folder.append(f"{folder / META}: {problem}; delete the folder and build again")
        except StoreError as error:
            in_folder.append(str(error))
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            try:
                problem = _shard_problem(read_shard(path))
            except StoreError as error:
                problem = error.what
            if problem is not None:
                in_folder.append(f"{path}: {problem}; delete it and build again")
        if (folder / META).is_file():  # else another process has deleted the folder meanwhile
            problems += in_folder
    return problems


def _shard_problem(shard: Shard) -> str | None:
    problem = check_shard(shard)
    if problem is not None:
        return problem
    if shard.path.name.startswith("tokens-"):
        name = sentences_name(sentences_of(shard))
    else:
        name = words_name(words_of(shard))
    return None if shard.path.name == name + SUFFIX else "its content does not match its name"


def prune_store(
    root: Path,
    fingerprints: Sequence[str] | None,
    keep: Sequence[str] | None,
    older_than: float | None,
) -> list[Path]:
    """See :meth:`elmobench.features.store.feature_store.FeatureStore.prune`."""
    removed: list[Path] = []
    selective = fingerprints is not None or keep is not None or older_than is not None
    # Only folders with a store's meta.json are ever deleted, and those that a killed process had
    # already renamed for deletion.
    for folder in _being_deleted(root):
        _delete(folder)
        removed.append(folder)
    for folder in _folders(root):
        delete = False
        with _unless_pruned(folder):
            fingerprint = read_meta(folder)["fingerprint"]
            delete = (
                selective
                and (fingerprints is None or fingerprint.startswith(tuple(fingerprints)))
                and (keep is None or not fingerprint.startswith(tuple(keep)))
                and (older_than is None or time.time() - _modified(folder) > older_than)
            )
        if delete:
            if _delete_provider(folder):
                removed.append(folder)
        else:
            removed += _remove_leftovers(folder)
    return removed


def _delete_provider(folder: Path) -> bool:
    """Delete a provider's folder; return False if another process did.

    The folder is renamed first, so that no process finds a half-deleted folder under its name.
    Open memory maps stay readable.
    """
    renamed = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.deleted")
    with folder_lock(folder):
        try:
            folder.rename(renamed)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StoreError(
                f"cannot be deleted: {error.strerror}",
                where=str(folder),
                fix="delete it by hand, or as the user who owns it",
            ) from error
    _delete(renamed)
    return True


def _delete(folder: Path) -> None:
    """Delete a renamed folder; another process may be deleting it at the same time."""

    def report(_: object, path: str, info: tuple[type, BaseException, TracebackType]) -> None:
        if not isinstance(info[1], FileNotFoundError):
            raise StoreError(
                f"cannot be deleted: {info[1]}", where=path, fix="delete it by hand"
            ) from info[1]

    shutil.rmtree(folder, onerror=report)


def _being_deleted(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return [path for path in sorted(root.iterdir()) if _BEING_DELETED.fullmatch(path.name)]


def _remove_leftovers(folder: Path) -> list[Path]:
    """Delete temporary files of shards that no process is writing."""
    removed = []
    for path in sorted(folder.glob(f".*{SUFFIX}.*.part")):
        name = path.name[1:].partition(SUFFIX)[0]
        try:
            with FileLock(folder / LOCKS / f"{name}.lock", timeout=0):
                path.unlink(missing_ok=True)
                removed.append(path)
        except Timeout:
            continue
    return removed


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return [
        path
        for path in sorted(root.iterdir())
        if (path / META).is_file() and not _BEING_DELETED.fullmatch(path.name)
    ]


@contextmanager
def _unless_pruned(folder: Path) -> Iterator[None]:
    """Ignore read errors if another process has just deleted the folder."""
    try:
        yield
    except (OSError, StoreError):
        if (folder / META).is_file():
            raise


def _modified(folder: Path) -> float:
    return max(path.stat().st_mtime for path in folder.iterdir() if path.is_file())
