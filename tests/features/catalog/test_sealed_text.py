"""Text files whose last line is a digest."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml

from elmobench.core.errors import ConfigError
from elmobench.features.catalog.entries import read_entries
from elmobench.features.catalog.sealed_text import read_sealed_text, seal_text

TEXT = "models:\n  naïve: {provider: static}\n"


def test_the_last_line_is_the_digest_of_the_lines_above(tmp_path: Path) -> None:
    sealed = seal_text(TEXT)
    above, _, last = sealed[:-1].rpartition("\n")
    assert last == "# sha256: " + hashlib.sha256(f"{above}\n".encode()).hexdigest()
    assert yaml.safe_load(sealed) == yaml.safe_load(TEXT)
    path = tmp_path / "a.yaml"
    path.write_text(sealed, "utf-8")
    assert read_sealed_text(path) == sealed
    # Files of people and of earlier versions have no digest.
    path.write_text(TEXT, "utf-8")
    assert read_sealed_text(path) == TEXT


def test_every_changed_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    whole = seal_text(TEXT).encode()
    for position in range(len(whole)):
        for flip in (1, 32):
            changed = bytearray(whole)
            changed[position] ^= flip
            path.write_bytes(changed)
            if position == len(whole) - 1:
                continue  # the last line end alone may differ
            with pytest.raises(ConfigError, match=r"a\.yaml"):
                read_sealed_text(path)
    for end in range(50, len(whole) - 1):
        path.write_bytes(whole[:end])
        with pytest.raises(ConfigError, match=r"is damaged or was edited|is not UTF-8"):
            read_sealed_text(path)


def test_catalogs_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    path.write_text(seal_text("models:\n  one: {provider: static}\n"))
    assert list(read_entries(path)) == ["one"]
    path.write_text(path.read_text().replace("one", "two"))
    with pytest.raises(ConfigError, match=r"models\.yaml.*\n.*remove its first and its last line"):
        read_entries(path)
