"""Digests of large model files, computed once per process and file state."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from elmobench.core.digests import file_sha256


def cached_sha256(path: Path) -> str:
    """Return the SHA-256 (hex) of a file; recomputed only if its size or mtime changes."""
    status = path.stat()
    return _sha256(path.resolve(), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=256)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    return file_sha256(path)
