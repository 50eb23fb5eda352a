"""Digests of large model files, computed once a process for each state of a file."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from elmobench.core.digests import file_sha256


def cached_sha256(path: Path) -> str:
    """SHA-256 (hex) of a file; computed again only if its size or time of change differ."""
    status = path.stat()
    return _sha256(path.resolve(), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=256)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    return file_sha256(path)
