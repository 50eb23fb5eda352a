"""Encoded corpora on disk: every damage is noticed, put aside and encoded again."""

from __future__ import annotations

import json
import random
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elmobench.core.errors import DataError, ElmobenchWarning, ModelError
from elmobench.pretraining import encode as encode_module
from elmobench.pretraining.corpus import Corpus
from elmobench.pretraining.encoded import EncodedCorpus

FILES = (
    "corpus.json",
    "counts.npy",
    "heldout.offsets.npy",
    "heldout.tokens.npy",
    "train.offsets.npy",
    "train.tokens.npy",
    "types.txt",
)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    (tmp_path / "t").write_text("".join(f"w{i % 7} and w{i % 3}\n" for i in range(60)))
    return Corpus.open([tmp_path / "t"])


def content(encoded: EncodedCorpus) -> Any:
    parts = [
        (part.tokens.tolist(), part.offsets.tolist()) for part in (encoded.train, encoded.heldout)
    ]
    return encoded.types.words, encoded.counts.tolist(), parts, encoded.digest, encoded.corpus


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


def test_every_file_has_a_digest(tmp_path: Path, corpus: Corpus) -> None:
    right = content(EncodedCorpus.build(corpus, tmp_path / "e"))
    assert names(tmp_path / "e") == set(FILES)
    draw = random.Random(2)
    for name in FILES:
        path = tmp_path / "e" / name
        whole = path.read_bytes()
        noticed = 0
        for _ in range(30):
            changed = bytearray(whole)
            changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
            path.write_bytes(changed)
            try:
                # Only blanks of the JSON file are worth the same.
                assert content(EncodedCorpus.open(tmp_path / "e")) == right, name
            except DataError:
                noticed += 1
        assert noticed == 30 or (name == "corpus.json" and noticed > 20)
        path.write_bytes(whole)
    assert content(EncodedCorpus.open(tmp_path / "e")) == right


@pytest.mark.parametrize("name", FILES)
def test_what_is_damaged_is_put_aside_and_encoded_again(
    tmp_path: Path, corpus: Corpus, name: str
) -> None:
    right = content(EncodedCorpus.build(corpus, tmp_path / "e"))
    for number in (1, 2):
        path = tmp_path / "e" / name
        whole = path.read_bytes()
        path.write_bytes(whole[:-3] + b"999")
        with pytest.warns(ElmobenchWarning, match=rf"{name}.*moved to .*damaged-{number}") as seen:
            again = EncodedCorpus.build(corpus, tmp_path / "e")
        assert len(seen) == 1
        assert content(again) == right
        assert (tmp_path / f"e.damaged-{number}" / name).read_bytes() == whole[:-3] + b"999"
        assert path.read_bytes() == whole
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert content(EncodedCorpus.build(corpus, tmp_path / "e")) == right


def test_a_missing_file_is_damage_and_a_missing_index_is_an_interruption(
    tmp_path: Path, corpus: Corpus
) -> None:
    right = content(EncodedCorpus.build(corpus, tmp_path / "e"))
    (tmp_path / "e" / "counts.npy").unlink()
    with pytest.raises(DataError, match=r"counts\.npy: .*incomplete: No such file"):
        EncodedCorpus.open(tmp_path / "e")
    with pytest.warns(ElmobenchWarning, match="moved to"):
        EncodedCorpus.build(corpus, tmp_path / "e")
    # As a killed process leaves it: without an index, with unfinished files.
    (tmp_path / "e" / "corpus.json").unlink()
    (tmp_path / "e" / ".train.part").write_bytes(b"half")
    with pytest.raises(DataError, match="there is no encoded corpus"):
        EncodedCorpus.open(tmp_path / "e")
    assert content(EncodedCorpus.build(corpus, tmp_path / "e")) == right
    assert names(tmp_path / "e") == set(FILES)


def test_a_corpus_of_an_earlier_version_is_encoded_again(tmp_path: Path, corpus: Corpus) -> None:
    encoded = EncodedCorpus.build(corpus, tmp_path / "e")
    old = {"format": 1, "digest": encoded.digest, "corpus": encoded.corpus}
    (tmp_path / "e" / "corpus.json").write_text(json.dumps(old))
    with pytest.raises(DataError, match="delete the folder; the corpus is then encoded again"):
        EncodedCorpus.open(tmp_path / "e")
    assert content(EncodedCorpus.build(corpus, tmp_path / "e")) == content(encoded)


def test_large_corpora_are_written_in_pieces(
    tmp_path: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = EncodedCorpus.build(corpus, tmp_path / "a")
    monkeypatch.setattr(encode_module, "_CHUNK", 7)
    pieces = EncodedCorpus.build(corpus, tmp_path / "b")
    assert content(pieces) == content(whole)
    assert pieces.train.tokens.dtype == np.int32


def test_no_room_is_an_error_that_leaves_nothing(
    tmp_path: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    for name in ("elmobench.pretraining.encode.save_array", "numpy.cumsum"):
        with monkeypatch.context() as patch:
            patch.setattr(name, full)
            with pytest.raises(ModelError, match=r"e: cannot be written: No space left.*\n.*again"):
                EncodedCorpus.build(corpus, tmp_path / "e")
        assert not names(tmp_path / "e")
    assert len(EncodedCorpus.build(corpus, tmp_path / "e").train)
