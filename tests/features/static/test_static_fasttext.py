"""fastText's ``.bin``: a tiny model by gensim, against a straight computation from its matrices."""

import gzip
import struct
import tracemalloc

import numpy as np
import pytest

from elmobench.core.errors import ConfigError, ModelError
from elmobench.features.static import StaticProvider, fasttext, fasttext_file
from elmobench.features.static.opening import open_vectors

LISTED = ["the", "river", "bank", "naïve", "東京都", "ab", "x", "Über", "</s>"]
OTHERS = [
    "rivers",
    "banking",
    "naïveté",
    "東京",
    "über",
    "Ü",
    "THE",
    "y",
    "🙂",
    "co-operate",
    "a b",
]


def _write(path, *, minn=2, maxn=4, bucket=50, rounds=3, seed=1):
    from gensim.models import FastText
    from gensim.models.fasttext import save_facebook_model

    sentences = [LISTED, LISTED[::-1]] * 3
    model = FastText(
        sentences,
        vector_size=9,
        min_count=1,
        min_n=minn,
        max_n=maxn,
        bucket=bucket,
        epochs=rounds,
        seed=seed,
        workers=1,
    )
    save_facebook_model(model, str(path))
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return _write(tmp_path_factory.mktemp("ft") / "model.bin")


class Straight:
    """The official algorithm, written down plainly over the bytes of a file."""

    def __init__(self, path):
        data = path.read_bytes()
        numbers = struct.unpack_from("<14i", data)
        self.dim, self.bucket, self.minn, self.maxn = (numbers[i] for i in (2, 10, 11, 12))
        size, self.nwords, _, _, _ = struct.unpack_from("<3i2q", data, 64)
        at = 92
        self.words = {}
        for row in range(size):
            end = data.index(b"\0", at)
            self.words[data[at:end].decode()] = row
            at = end + 10
        rows, columns = struct.unpack_from("<2q", data, at + 1)
        self.matrix_at = at + 17
        self.matrix = np.frombuffer(data, "<f4", rows * columns, self.matrix_at)
        self.matrix = self.matrix.reshape(rows, columns).astype(float)

    def hash(self, ngram):
        """FNV-1a of 32 bits; bytes are signed chars, which widen with their sign."""
        h = 2166136261
        for byte in ngram.encode():
            h ^= byte if byte < 128 else byte + 0xFFFFFF00
            h = h * 16777619 % 2**32
        return h

    def rows(self, word):
        rows = [self.words[word]] if word in self.words else []
        if word != "</s>":
            marked = f"<{word}>"
            for i in range(len(marked)):
                for n in range(max(self.minn, 1), self.maxn + 1):
                    if i + n > len(marked):
                        break
                    if n == 1 and (i == 0 or i + n == len(marked)):
                        continue
                    rows.append(self.nwords + self.hash(marked[i : i + n]) % self.bucket)
        return rows

    def vector(self, word):
        rows = self.rows(word)
        return self.matrix[rows].mean(axis=0) if rows else None


@pytest.mark.parametrize("lengths", [(3, 6), (2, 4), (1, 3), (5, 5)])
@pytest.mark.parametrize("chunk", [1, 7, 4096])
def test_equal_to_the_official_algorithm(tmp_path, monkeypatch, lengths, chunk):
    monkeypatch.setattr(fasttext, "_CHUNK_ROWS", chunk)
    path = _write(tmp_path / "model.bin", minn=lengths[0], maxn=lengths[1])
    straight, source = Straight(path), open_vectors(path)
    words = [*LISTED, *OTHERS, ""]
    source.read(words)
    assert (source.kind, source.dim) == ("fasttext", 9)
    assert source.parameters == straight.matrix.size
    for word in words:
        expected, found = straight.vector(word), source.vector(word)
        assert source.knows(word) == (word in LISTED)
        assert source.covers(word) == (expected is not None)
        if expected is None:
            assert found is None
        else:
            assert np.abs(found - expected).max() < 1e-7
    vectors = np.stack([straight.vector(word) for word in straight.words])
    mean, deviation = source.statistics()
    assert np.allclose(mean, vectors.mean(axis=0), atol=1e-7)
    assert np.allclose(deviation, vectors.std(axis=0), atol=1e-7)


def test_equal_to_gensim_but_for_the_sentence_end(model):
    from gensim.models.fasttext import load_facebook_vectors

    peer, source = load_facebook_vectors(str(model)), open_vectors(model)
    words = [word for word in [*LISTED, *OTHERS] if word != "</s>"]
    source.read([*words, "</s>"])
    for word in words:
        assert np.abs(source.vector(word) - peer[word]).max() < 1e-7
    # The official program gives the sentence end no n-grams; gensim does.
    assert np.abs(source.vector("</s>") - peer["</s>"]).max() > 1e-4


def test_vectors_do_not_depend_on_the_batch_or_container(model, tmp_path, monkeypatch):
    packed = tmp_path / "model.bin.gz"
    packed.write_bytes(gzip.compress(model.read_bytes()))
    whole, one = open_vectors(model), open_vectors(packed)
    whole.read([*LISTED, *OTHERS])
    monkeypatch.setattr(fasttext_file, "_BLOCK_BYTES", 3)
    for word in [*LISTED, *OTHERS]:
        one.read([word])
        assert np.array_equal(one.vector(word), whole.vector(word))


def test_statistics_may_take_several_passes(model, monkeypatch):
    once = open_vectors(model, "fasttext").statistics()
    open_vectors.__globals__["_opened"].cache_clear()
    monkeypatch.setattr(fasttext, "_WORDS_PER_PASS", 2)
    assert all(map(np.array_equal, open_vectors(model).statistics(), once))


def test_case_prefers_listed_words_to_n_grams(model):
    straight = Straight(model)
    for case, words in {
        "keep": ["THE", "the", "Über", "RIVERS", "Ab"],
        "lower": ["the", "the", "über", "rivers", "ab"],
        "keep-then-lower": ["the", "the", "Über", "RIVERS", "ab"],
    }.items():
        provider = StaticProvider.from_file(model, case=case)
        vectors = provider.encode_types(["THE", "the", "Über", "RIVERS", "Ab"])[0]
        assert np.allclose(vectors, [straight.vector(word) for word in words], atol=1e-7)


def test_words_without_n_grams_follow_the_unknown_policy(tmp_path):
    path = _write(tmp_path / "model.bin", minn=5, maxn=6)
    straight = Straight(path)
    words = ["", "zz", "\ud800", "zzz"]
    assert [straight.vector(word) is None for word in ("", "zz", "zzz")] == [True, True, False]
    listed = np.stack([straight.vector(word) for word in straight.words])
    for unknown in ("zero", "mean", "random"):
        provider = StaticProvider.from_file(path, unknown=unknown)
        vectors = provider.encode_types(words)[0]
        assert np.allclose(vectors[3], straight.vector("zzz"), atol=1e-7)
        if unknown == "zero":
            assert (vectors[:3] == 0).all()
        if unknown == "mean":
            assert np.allclose(vectors[:3], listed.mean(axis=0), atol=1e-7)
        if unknown == "random":
            distance = np.abs(vectors[:3] - listed.mean(axis=0))
            assert (distance <= 3**0.5 * listed.std(axis=0) + 1e-7).all()
            assert distance.max() > 0
    assert provider.coverage([*words, "the"]) == {"tokens": 0.4, "types": 0.4}


@pytest.mark.parametrize(("minn", "maxn", "bucket"), [(0, 0, 0), (3, 0, 50)])
def test_models_without_n_grams(model, tmp_path, minn, maxn, bucket):
    straight = Straight(model)
    data = bytearray(model.read_bytes())
    for index, value in ((10, bucket), (11, minn), (12, maxn)):
        struct.pack_into("<i", data, 4 * index, value)
    if bucket == 0:
        words = 4 * 9 * straight.nwords
        struct.pack_into("<q", data, straight.matrix_at - 16, straight.nwords)
        del data[straight.matrix_at + words : straight.matrix_at + words + 4 * 9 * 50]
    path = tmp_path / "plain.bin"
    path.write_bytes(bytes(data))
    source = open_vectors(path)
    source.read(["the", "rivers"])
    assert np.array_equal(source.vector("the"), straight.matrix[straight.words["the"]])
    assert source.vector("rivers") is None
    assert not source.covers("rivers")


def _patched(data, offset, form, value):
    changed = bytearray(data)
    struct.pack_into(form, changed, offset, value)
    return bytes(changed)


def test_faults(model, tmp_path):
    straight, data = Straight(model), model.read_bytes()
    matrix = straight.matrix_at
    second = data.index(b"\0", 92) + 10
    cases = [
        (data[:50], "ends in the header"),
        (data[:100], "ends in word 1"),
        (data[: matrix - 10], "ends in a matrix"),
        (data[: matrix + 40], "59 x 9, larger than the file"),
        (data[:-1], "ends in the output matrix"),
        (data[: matrix + straight.matrix.size * 4], "ends in a matrix"),
        (data + b"\0\0", "2 bytes follow"),
        (_patched(data, 4, "<i", 13), "version 13"),
        (_patched(data, 8, "<i", 0), "damaged header"),
        (_patched(data, 8, "<i", 8), "input matrix is"),
        (_patched(data, 40, "<i", 51), "input matrix is"),
        (_patched(data, 72, "<i", 1), "supervised"),
        (_patched(data, 84, "<q", 5), "pruned"),
        (_patched(data, matrix - 17, "<?", True), "quantised"),
        (_patched(data, matrix + 4, "<f", np.nan), "row 0 of the input matrix: a value"),
        (_patched(data, matrix + 4 * 9 * 20, "<f", np.inf), "row 20 of the input matrix: a value"),
        (_patched(data, second - 1, "<b", 1), "word 1 of 9: this entry is a label"),
    ]
    for i, (content, message) in enumerate(cases):
        path = tmp_path / f"{i}.bin"
        path.write_bytes(content)
        with pytest.raises(ModelError, match=message) as caught:
            open_vectors(path).read(["the"])
        assert caught.value.where.startswith(str(path))
    assert len(list(tmp_path.iterdir())) == len(cases)


# Where the fields of the header are, and what a damaged one can ask for.
HEADER = {"dim": 8, "bucket": 40, "minn": 44, "maxn": 48, "entries": 64, "words": 68, "labels": 72}


@pytest.mark.parametrize("value", [-(2**31), -1, 2**31 - 1])
@pytest.mark.parametrize("field", HEADER)
def test_a_damaged_header_takes_neither_memory_nor_time(model, tmp_path, field, value):
    content = _patched(model.read_bytes(), HEADER[field], "<i", value)
    if field == "entries":
        content = _patched(content, HEADER["words"], "<i", value)
    path = tmp_path / "damaged.bin"
    path.write_bytes(content)
    tracemalloc.start()
    if (field, value) == ("minn", 2**31 - 1):  # longer than any word: no n-grams
        source = open_vectors(path)
        source.read(["the", "x" * 3000])
        assert not source.covers("absent")
    else:
        with pytest.raises(ModelError) as caught:
            open_vectors(path).read(["the", "x" * 3000])
        assert caught.value.where.startswith(str(path))
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


def test_names_that_are_not_utf8_are_passed_over(model, tmp_path):
    data = model.read_bytes()
    at = data.index("naïve".encode() + b"\0")
    path = tmp_path / "cut.bin"
    path.write_bytes(data[: at + 3] + b"!" + data[at + 4 :])  # half of ï
    source, straight = open_vectors(path), Straight(model)
    source.read(["the", "naïve"])
    assert not source.knows("naïve")
    assert np.allclose(source.vector("the"), straight.vector("the"), atol=1e-7)
    others = [straight.vector(word) for word in straight.words if word != "naïve"]
    assert np.allclose(source.statistics()[0], np.mean(others, axis=0), atol=1e-7)


def test_another_stated_form_and_duplicates_are_refused(model):
    with pytest.raises(ModelError, match="looks like 'fasttext'"):
        open_vectors(model, "word2vec-binary")
    with pytest.raises(ConfigError, match="cannot have duplicates"):
        open_vectors(model, duplicates="first")
