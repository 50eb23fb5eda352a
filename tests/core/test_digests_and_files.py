from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elmobench.core.digests import canonical_json, digest_of, git_blob_sha1, sentence_digest
from elmobench.core.files import atomic_path, write_text

sentences = st.lists(st.text(max_size=6), max_size=6)


@given(sentences, sentences)
def test_sentences_collide_only_if_equal(a: list[str], b: list[str]) -> None:
    assert (sentence_digest(a) == sentence_digest(b)) == (a == b)


def test_token_borders_change_the_digest() -> None:
    assert sentence_digest(["ab", "c"]) != sentence_digest(["a", "bc"])
    assert sentence_digest([]) != sentence_digest([""])
    assert sentence_digest(["\ud800"]) != sentence_digest(["?"])


def test_canonical_json_ignores_key_order_and_refuses_nan() -> None:
    assert canonical_json({"b": 1, "a": [0.1]}) == '{"a":[0.1],"b":1}'
    assert digest_of({"b": 1, "a": 2}) == hashlib.sha256(b'{"a":2,"b":1}').hexdigest()
    with pytest.raises(ValueError):
        canonical_json(float("nan"))


def test_git_blob_id_equals_git(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"some\0bytes\n")
    out = subprocess.run(["git", "hash-object", str(path)], capture_output=True, text=True)
    if out.returncode:
        pytest.skip("no git here")
    assert git_blob_sha1(path.read_bytes()) == out.stdout.strip()


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "f.txt"
    write_text(path, "old")

    def failing() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        failing()
    assert path.read_text() == "old"
    assert [p.name for p in path.parent.iterdir()] == ["f.txt"]
