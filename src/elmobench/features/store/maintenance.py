"""Maintenance of a feature store: sizes, checks and deletion."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import Timeout

from elmobench.core.errors import StoreError
from elmobench.features.store.index import SentenceIndex, WordIndex, read_sentences, read_words
from elmobench.features.store.meta import read_meta, verify_meta
from elmobench.features.store.plan import sentences_name, words_name
from elmobench.features.store.precision import PRECISIONS
from elmobench.features.store.shard import (
    LOCKS,
    META,
    SUFFIX,
    check_shard,
    folder_lock,
)

_BEING_DELETED = re.compile(rf"\..+-(?:{'|'.join(PRECISIONS)})\.[0-9a-f]{{8}}\.deleted")
"""Names of folders that are being deleted."""
_NAME = re.compile(rf"[0-9a-f]{{16,128}}-(?:{'|'.join(PRECISIONS)})")
"""Names of providers' folders: fingerprint and precision."""
_PRECISIONS = tuple(f"-{precision}" for precision in PRECISIONS)
_SENTENCES, _WORDS = "tokens-", "types-"
_PARTS = ".*.part"
"""Temporary files, see :func:`~elmobench.core.files.atomic_path`."""


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
    size = _size(folder)
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


@dataclass(frozen=True, slots=True)
class FolderSize:
    """Size of one provider's folder, whose files may be damaged.

    Attributes:
        fingerprint: of the provider.
        precision: ``fp16``, ``fp32`` or ``int8``.
        name: of the provider when the folder was created; ``?`` if that cannot be read.
        bytes: on disk.
    """

    fingerprint: str
    precision: str
    name: str
    bytes: int


def folder_sizes(root: Path, fingerprints: Sequence[str]) -> list[FolderSize]:
    """Return the sizes of the folders that :func:`prune_store` would delete, sorted by name."""
    sizes = []
    for folder in _folders(root):
        fingerprint, _, precision = folder.name.rpartition("-")
        if not fingerprint.startswith(tuple(fingerprints)):
            continue
        name = "?"
        with suppress(StoreError):
            name = str(read_meta(folder).get("provider", {}).get("name", "?"))
        with _unless_pruned(folder):
            sizes.append(FolderSize(fingerprint, precision, name, _size(folder)))
    return sorted(sizes, key=lambda row: (row.name, row.fingerprint, row.precision))


def verify_store(root: Path, *, delete: bool = False) -> list[str]:
    """Check every byte of the store; return one line per problem, with the file's name.

    Args:
        root: of the store.
        delete: whether to delete the damaged files, so that their content is encoded again when it
            is needed. Files that are not the store's are never deleted.

    Raises:
        StoreError: if a damaged file cannot be deleted.
    """
    problems = []
    for folder in _folders(root, complete=False):
        with _unless_pruned(folder):
            found = list(_problems(folder))
        for path, problem in found if folder.is_dir() else ():
            if not _is_of_the_store(path) or not path.is_file():
                problems.append(f"{path}: {problem}")
            elif delete:
                with _deleting(path), folder_lock(folder):
                    path.unlink(missing_ok=True)
                problems.append(f"{path}: {problem}; deleted")
            else:
                problems.append(f"{path}: {problem}; delete it and build again")
    return problems


def _problems(folder: Path) -> Iterator[tuple[Path, str]]:
    """The files of a folder that are damaged, each with what is wrong."""
    paths = sorted(folder.iterdir())
    shards = [path for path in paths if _is_of_the_store(path) and path.name != META]
    if (folder / META).exists():
        try:
            verify_meta(folder)
        except StoreError as error:
            yield folder / META, error.what
    elif shards and folder.is_dir():
        yield folder / META, "is missing; the next build writes it again"
    for path in shards:
        try:
            shard = check_shard(path)
            if path.name.startswith(_SENTENCES):
                name = sentences_name(read_sentences(shard)[0])
            else:
                name = words_name(read_words(shard))
            if path.name != name + SUFFIX:
                raise shard.damaged("its content does not match its name")
        except StoreError as error:
            yield path, error.what
    for path in paths:
        # Hidden files are written at the moment, or left by a killed writer: prune deletes those.
        if path.name != LOCKS and not path.name.startswith(".") and not _is_of_the_store(path):
            yield path, "is not a file of the store, or has lost its name; move or delete it"


def _is_of_the_store(path: Path) -> bool:
    return path.name == META or (
        path.name.startswith((_SENTENCES, _WORDS)) and path.name.endswith(SUFFIX)
    )


@contextmanager
def _deleting(path: Path) -> Iterator[None]:
    """Turn what the operating system says about a file that cannot be deleted into StoreError."""
    try:
        yield
    except Timeout:
        raise  # An OSError too, but of a lock that another process holds.
    except OSError as error:
        raise StoreError(
            f"cannot be deleted: {error.strerror or error}",
            where=str(path),
            fix="delete it by hand, or as the user who owns it",
        ) from error


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
            # Of the name alone: a damaged meta.json must not keep a folder from being deleted.
            fingerprint = folder.name.rpartition("-")[0]
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
            removed += remove_unfinished(folder)
    return removed


def _delete_provider(folder: Path) -> bool:
    """Delete a provider's folder; return False if another process did.

    The folder is renamed first, so that no process finds a half-deleted folder under its name.
    Open memory maps stay readable.
    """
    renamed = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.deleted")
    with _deleting(folder), folder_lock(folder):
        try:
            folder.rename(renamed)
        except FileNotFoundError:
            return False
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


def remove_unfinished(folder: Path) -> list[Path]:
    """Delete temporary files that killed writers left in a provider's folder, and return them.

    A live writer's file is never deleted: files are written under the folder's lock only, which
    ends with its process. While another process holds that lock, nothing is deleted.
    """
    removed: list[Path] = []
    if not any(folder.glob(_PARTS)):
        return removed
    try:
        with _deleting(folder), folder_lock(folder, timeout=0):
            for path in sorted(folder.glob(_PARTS)):
                path.unlink(missing_ok=True)
                removed.append(path)
    except Timeout:
        pass
    return removed


def _folders(root: Path, *, complete: bool = True) -> list[Path]:
    """The folders of providers, sorted; with ``complete`` only those that have a meta.json."""
    if not root.is_dir():
        return []
    return [
        path
        for path in sorted(root.iterdir())
        if not _BEING_DELETED.fullmatch(path.name)
        and path.name.endswith(_PRECISIONS)
        and (os.path.lexists(path / META) or (not complete and _is_named_as_one(path)))
    ]


def _is_named_as_one(path: Path) -> bool:
    """Whether a path is a folder with the name of a provider's, which may have lost meta.json."""
    return bool(_NAME.fullmatch(path.name)) and path.is_dir()


@contextmanager
def _unless_pruned(folder: Path) -> Iterator[None]:
    """Ignore read errors if another process has just deleted the folder."""
    try:
        yield
    except (OSError, StoreError) as error:
        if not folder.is_dir():
            return
        if isinstance(error, OSError):
            raise StoreError(
                f"cannot be read: {error.strerror or error}", where=str(folder)
            ) from error
        raise


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


def _modified(folder: Path) -> float:
    return max(path.stat().st_mtime for path in folder.iterdir() if path.is_file())
