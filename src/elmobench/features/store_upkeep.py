"""Looking after a feature store: sizes, checks and deletion."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from elmobench.digests import SENTENCE_DIGEST_BYTES
from elmobench.errors import StoreError
from elmobench.features.store_plan import sentences_name, words_name
from elmobench.features.store_shard import LOCKS, META, SUFFIX, Shard, check_shard, read_shard
from elmobench.features.stored import SentenceIndex, WordIndex, unpack_words


@dataclass(frozen=True, slots=True)
class StoreStat:
    """Sizes of one provider at one precision.

    Attributes:
        fingerprint: of the provider.
        precision: ``fp16`` or ``fp32``.
        name: what the provider was called when the folder was made.
        sentences, tokens, types: stored ones.
        bytes: on disk.
        bytes_per_token: bytes a token; a type for providers without token layers.
        modified: when a file was last written, in seconds since the epoch.
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
    """Sizes of everything in the store, by name, fingerprint and precision."""
    rows = []
    for folder, meta in _providers(root):
        sentences, words = SentenceIndex(folder), WordIndex(folder)
        size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
        counted = sentences.tokens or len(words.row)
        rows.append(
            StoreStat(
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
        )
    return sorted(rows, key=lambda row: (row.name, row.fingerprint, row.precision))


def verify_store(root: Path) -> list[str]:
    """Read every byte; one line a problem, naming the file."""
    problems = []
    for folder in _folders(root):
        try:
            _read_meta(folder)
        except StoreError as error:
            problems.append(str(error))
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            try:
                problem = _shard_problem(read_shard(path))
            except StoreError as error:
                problem = error.what
            if problem is not None:
                problems.append(f"{path}: {problem}; delete it and build again")
    return problems


def _shard_problem(shard: Shard) -> str | None:
    problem = check_shard(shard)
    if problem is not None:
        return problem
    if shard.path.name.startswith("tokens-"):
        raw, step = shard.map("digests").tobytes(), SENTENCE_DIGEST_BYTES
        name = sentences_name([raw[i : i + step] for i in range(0, len(raw), step)])
    else:
        name = words_name(unpack_words(shard.map("words"), shard.map("word_offsets")))
    return None if shard.path.name == name + SUFFIX else "it holds something else than it is named"


def prune_store(
    root: Path,
    fingerprints: Sequence[str] | None,
    keep: Sequence[str] | None,
    older_than: float | None,
) -> list[Path]:
    """See :meth:`elmobench.features.store.FeatureStore.prune`."""
    removed: list[Path] = []
    selective = fingerprints is not None or keep is not None or older_than is not None
    # Only folders that hold a store's meta.json are ever deleted.
    for folder, meta in _providers(root):
        fingerprint = meta["fingerprint"]
        doomed = (
            selective
            and (fingerprints is None or fingerprint.startswith(tuple(fingerprints)))
            and (keep is None or not fingerprint.startswith(tuple(keep)))
            and (older_than is None or time.time() - _modified(folder) > older_than)
        )
        if doomed:
            shutil.rmtree(folder)
            removed.append(folder)
        else:
            removed += _remove_leftovers(folder)
    return removed


def _remove_leftovers(folder: Path) -> list[Path]:
    """Delete temporaries of shards that nobody is writing."""
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
    return [path for path in sorted(root.iterdir()) if (path / META).is_file()]


def _providers(root: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for folder in _folders(root):
        yield folder, _read_meta(folder)


def _read_meta(folder: Path) -> dict[str, Any]:
    path = folder / META
    try:
        meta: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if folder.name != f"{meta['fingerprint']}-{meta['precision']}":
            raise ValueError("it belongs to another folder")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"cannot be read ({error})",
            where=str(path),
            fix="delete the folder and build the features again",
        ) from error
    return meta


def _modified(folder: Path) -> float:
    return float(np.max([path.stat().st_mtime for path in folder.iterdir() if path.is_file()]))
