"""Digests: of files, of sentences, and of anything that can be written as canonical JSON."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from elmobench.core.parsing import check_is_file

SENTENCE_DIGEST_BYTES = 16


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spare blanks; floats by shortest round-trip repr.

    Raises:
        ValueError: for NaN and infinities, which have no JSON form.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest_of(value: Any) -> str:
    """SHA-256 (hex) of the canonical JSON of ``value``."""
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes. Raises OSError."""
    check_is_file(path)
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def git_blob_sha1(content: bytes | Path) -> str:
    """Git's blob id of these bytes, or of a file, which is read in pieces."""
    state = hashlib.sha1(usedforsecurity=False)
    if isinstance(content, bytes):
        state.update(b"blob %d\0" % len(content) + content)
        return state.hexdigest()
    check_is_file(content)
    state.update(b"blob %d\0" % content.stat().st_size)
    with content.open("rb") as stream:
        while piece := stream.read(1 << 20):
            state.update(piece)
    return state.hexdigest()


def sentence_digest(tokens: Sequence[str]) -> bytes:
    """16-byte digest of a sentence. Tokens have a length prefix: ``ab`` and ``a b`` differ."""
    state = hashlib.blake2b(digest_size=SENTENCE_DIGEST_BYTES)
    for token in tokens:
        # A Python string can hold lone surrogates; they are part of its identity.
        raw = token.encode("utf-8", "surrogatepass")
        state.update(struct.pack("<I", len(raw)))
        state.update(raw)
    return state.digest()
