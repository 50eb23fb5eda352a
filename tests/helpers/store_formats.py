"""Shards as earlier versions of this program wrote them."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from elmobench.core.digests import canonical_json, digest_of


def as_format_1(path: Path, *, versions: bool = True) -> None:
    """Rewrite a shard's header in format 1, of the first writers without ``versions``."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    new = json.loads(header["__metadata__"]["elmobench"])
    facts = {"checksum": new["checksum"]}
    if versions:
        facts |= {"versions": new["versions"], "versions_digest": digest_of(new["versions"])}
    header["__metadata__"]["elmobench"] = canonical_json(facts)
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])
