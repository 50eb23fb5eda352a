"""word2vec's binary form: files that gensim writes, against gensim's own reader."""

import gzip
import zipfile

import numpy as np
import pytest

from elmobench.core.errors import ModelError
from elmobench.features.static import StaticProvider, word2vec_binary
from elmobench.features.static.opening import open_vectors

WORDS = [
    "the",
    "The",
    "東京",
    "naïve",
    "New_York",
    "</s>",
    "\u00a0",
    *(f"w{i}" for i in range(200)),
]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A file by gensim, and the vectors it reads back."""
    from gensim.models import KeyedVectors

    vectors = KeyedVectors(7)
    values = np.random.default_rng(5).normal(size=(len(WORDS), 7)).astype(np.float32)
    vectors.add_vectors(WORDS, values)
    path = tmp_path_factory.mktemp("w2v") / "vectors.bin"
    vectors.save_word2vec_format(str(path), binary=True)
    return path, KeyedVectors.load_word2vec_format(str(path), binary=True)


def _with_line_ends(data, dim):
    """The original tool writes a line end behind each row."""
    header, _, rest = data.partition(b"\n")
    rows = []
    while rest:
        end = rest.index(b" ") + 1 + 4 * dim
        rows.append(rest[:end])
        rest = rest[end:]
    return header + b"\n" + b"".join(row + b"\n" for row in rows)


@pytest.mark.parametrize("block", [5, 64, 1 << 21])
@pytest.mark.parametrize("form", ["plain", "line ends", "gz", "zip"])
def test_equal_to_gensim(written, tmp_path, monkeypatch, block, form):
    monkeypatch.setattr(word2vec_binary, "_BLOCK_BYTES", block)
    original, peer = written
    data = original.read_bytes()
    path = tmp_path / "copy"
    if form == "zip":
        with zipfile.ZipFile(path, "w") as bundle:
            bundle.writestr("vectors.bin", data)
    else:
        path.write_bytes(
            {"plain": data, "line ends": _with_line_ends(data, 7), "gz": gzip.compress(data)}[form]
        )
    source = open_vectors(path)
    source.read([*WORDS, "absent"])
    assert (source.kind, source.dim) == ("word2vec-binary", 7)
    assert source.parameters == 7 * len(WORDS)
    for word in WORDS:
        assert np.array_equal(source.vector(word), peer[word])
    assert source.vector("absent") is None
    mean, deviation = source.statistics()
    assert np.allclose(mean, peer.vectors.mean(axis=0), atol=1e-6)
    assert np.allclose(deviation, peer.vectors.std(axis=0), atol=1e-6)


def test_same_vectors_as_the_text_form(written, tmp_path):
    path, peer = written
    peer.save_word2vec_format(str(tmp_path / "vectors.vec"), binary=False)
    words = ["THE", "W3", "Naïve", "nothing", "</s>"]
    text, binary = (StaticProvider.from_file(p) for p in (tmp_path / "vectors.vec", path))
    assert text.fingerprint != binary.fingerprint
    assert np.allclose(text.encode_types(words)[0], binary.encode_types(words)[0], atol=1e-7)
    assert text.coverage(words) == binary.coverage(words) == {"tokens": 0.8, "types": 0.8}


def _row(word, *values):
    return word.encode("utf-8") + b" " + np.asarray(values, "<f4").tobytes()


GOOD = _row("a", 1.5, 2) + _row("b", 3, 4)


@pytest.mark.parametrize(
    ("data", "message", "where"),
    [
        (b"2 2\n" + GOOD[:-1], "ends here", ": word 2 of 2"),
        (b"3 2\n" + GOOD, "ends here", ": word 3 of 3"),
        (b"1 2\n" + GOOD, "there is more data after the 1 words", ""),
        (b"2 2\n" + GOOD + b"\n\n", "there is more data", ""),
        (b"2 2\n" + GOOD + b"x", "there is more data", ""),
        (
            b"2 2\n" + _row("a", 1.5, 2) + _row("a", 3, 4),
            "appears here and in row 1",
            ": word 2 of 2",
        ),
        (b"2 2\n" + _row("a", 1.5, np.nan) + _row("b", 3, 4), "finite", ": word 1 of 2"),
        (b"2 2\n" + _row("a", 1.5, 1) + _row("b", 3, np.inf), "finite", ": word 2 of 2"),
        (b"2 2\n" + _row("a", 1.5, 1) + _row("", 3, 4), "no word here", ": word 2 of 2"),
        (b"2 2\n" + _row("a", 1.5, 1) + b"\xff" + GOOD, "no word here", ": word 2 of 2"),
        (b"2 2\n" + _row("a", 1.5, 1) + b"x" * 20000, "no word here|more follows", None),
        (b"0 2\n" + GOOD, "there is more data", ""),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_faults(tmp_path, data, message, where, packed):
    path = tmp_path / "v.bin"
    path.write_bytes(gzip.compress(data) if packed else data)
    with pytest.raises(ModelError, match=message) as caught:
        open_vectors(path).read(["a"])
    if where is not None:
        assert caught.value.where == f"{path}{where}"


def test_of_duplicates_the_first_holds_if_so_chosen(tmp_path):
    path = tmp_path / "v.bin"
    path.write_bytes(b"3 2\n" + _row("a", 1.5, 2) + _row("b", 2, 2) + _row("a", 3, 4))
    source = open_vectors(path, duplicates="first")
    source.read(["a", "b"])
    assert source.vector("a").tolist() == [1.5, 2]
    assert source.parameters == 4
    assert source.statistics()[0].tolist() == [1.75, 2]


def test_another_stated_form_is_refused(written):
    for form in ("glove", "word2vec", "fasttext"):
        with pytest.raises(ModelError, match="looks like 'word2vec-binary'"):
            open_vectors(written[0], form)
