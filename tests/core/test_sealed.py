"""Files that contain their digest."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

import pytest

from elmobench.core.errors import StoreError
from elmobench.core.sealed import read_sealed_json, seal, write_sealed_json

VALUE = {"format": 2, "loss": [0.1, 1e-30], "word": "naïve\ud800", "steps": {10: 1, 9: 2}}


def test_the_digest_is_that_of_the_sorted_content(tmp_path: Path) -> None:
    write_sealed_json(tmp_path / "a.json", VALUE)
    content = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert list(content)[-1] == "sha256"
    stated = content.pop("sha256")
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert stated == hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_sealed_json(tmp_path / "a.json", VALUE)
    assert read_sealed_json(tmp_path / "a.json") == VALUE | {"steps": {"10": 1, "9": 2}}


def test_every_changed_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_sealed_json(path, VALUE)
    whole = path.read_bytes()
    right = read_sealed_json(path)
    unnoticed = []
    for position in range(len(whole)):
        for flip in (1, 2, 32):
            changed = bytearray(whole)
            changed[position] ^= flip
            path.write_bytes(changed)
            with contextlib.suppress(StoreError):
                unnoticed.append((position, read_sealed_json(path, StoreError)))
    # JSON can write one value in several ways: a blank, ``1E-30``, ``\uD800``.
    assert all(value == right for _, value in unnoticed)
    assert len(unnoticed) < 20


def test_the_error_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_sealed_json(path, VALUE)
    path.write_bytes(path.read_bytes().replace(b"0.1", b"0.2"))
    with pytest.raises(StoreError, match=r"a\.json: is damaged: its content .*\n  -> delete it"):
        read_sealed_json(path, StoreError, fix="delete it")


def test_content_of_an_earlier_version_has_no_digest(tmp_path: Path) -> None:
    def required(value: object) -> bool:
        return isinstance(value, dict) and value.get("format") != 1

    old = tmp_path / "old.json"
    old.write_text('{"format": 1}')
    assert read_sealed_json(old, required=required) == {"format": 1}
    old.write_text('{"format": 2}')
    with pytest.raises(StoreError, match=r"old\.json: is damaged: it has no 'sha256'"):
        read_sealed_json(old, StoreError, required=required)
    old.write_text(json.dumps(seal({"format": 2}) | {"format": 1}))
    with pytest.raises(StoreError, match="does not have the digest"):
        read_sealed_json(old, StoreError, required=required)


def test_numbers_without_a_json_form_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_sealed_json(tmp_path / "a.json", {"loss": float("nan")})
    assert list(tmp_path.iterdir()) == []
