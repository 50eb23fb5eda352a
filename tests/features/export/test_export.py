"""Files of vectors against the provider itself."""

import gc
import io
import json
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file
from store_providers import HashProvider, expected

from elmobench.core.errors import ConfigError, DataError, StoreError
from elmobench.data.readers.tokenizers import TOKENIZERS
from elmobench.features.catalog.catalog import load_provider
from elmobench.features.elmo.outputs import elmo_outputs
from elmobench.features.export import hdf5_writer
from elmobench.features.export.layer_selection import make_selection
from elmobench.features.export.token_lines import TokenLines, open_lines
from elmobench.features.export.vector_file import export
from elmobench.features.static.random_vectors import RandomStaticProvider

TEXT = "\ufeffThe bank .\n\na\u00a0b naïve  日本\r\n\nThe bank .\nlast".encode()
SENTENCES = [
    ("The", "bank", "."),
    (),
    ("a\u00a0b", "naïve", "日本"),
    (),
    ("The", "bank", "."),
    ("last",),
]


def _lines(data=TEXT):
    return TokenLines(io.BytesIO(data), "some.txt", TOKENIZERS["spaces"])


def _export(path, provider=None, data=TEXT, precision="fp32", chunk_values=1 << 20, **selection):
    provider = provider or HashProvider()
    chosen = make_selection(provider, **selection)
    return export(provider, _lines(data), path, chosen, precision, chunk_values=chunk_values)


def _flat(path):
    """Arrays and, cut out again by the offsets, sentences."""
    arrays = load_file(path)
    text, ends = arrays["tokens"].tobytes(), arrays["token_offsets"].tolist()
    tokens = [text[a:b].decode() for a, b in pairwise(ends)]
    bounds = arrays["offsets"].tolist()
    places = list(pairwise(bounds))
    return arrays, [tuple(tokens[a:b]) for a, b in places], places


def test_lines_are_sentences():
    lines = _lines()
    assert list(lines.sentences()) == SENTENCES
    assert list(lines.sentences()) == SENTENCES
    counts = lines.count()
    assert (counts.sentences, counts.tokens) == (6, 10)
    assert counts.token_bytes == sum(len(t.encode()) for s in SENTENCES for t in s)


@pytest.mark.parametrize("chunk_values", [1, 18 * 4, 1 << 20])
def test_hdf5_has_a_dataset_a_line(tmp_path, chunk_values):
    path = tmp_path / "x.hdf5"
    counts = _export(path, chunk_values=chunk_values)
    assert counts.sentences == 6
    with h5py.File(path) as file:
        assert set(file) == {"0", "1", "2", "3", "4", "5", "sentence_to_index", "elmobench"}
        for i, sentence in enumerate(SENTENCES):
            assert file[str(i)].dtype == np.float32
            assert np.array_equal(file[str(i)][...], expected(sentence))
        index = json.loads(file["sentence_to_index"][0])
        assert index == {"The bank .": "0", "": "1", "a\u00a0b naïve 日本": "2", "last": "5"}
        about = json.loads(file.attrs["elmobench"])
    assert about["provider"]["fingerprint"] == HashProvider().fingerprint
    assert (about["sentences"], about["tokens"], about["precision"]) == (6, 10, "fp32")


@pytest.mark.parametrize("chunk_values", [1, 1 << 20])
def test_safetensors_is_flat(tmp_path, chunk_values):
    path = tmp_path / "x.safetensors"
    _export(path, chunk_values=chunk_values)
    arrays, sentences, places = _flat(path)
    assert sentences == SENTENCES
    for j in range(3):
        for sentence, (begin, end) in zip(SENTENCES, places, strict=True):
            assert np.array_equal(arrays[f"layer_{j}"][begin:end], expected(sentence)[j])
    with safe_open(path, "np") as file:
        assert json.loads(file.metadata()["elmobench"])["arrays"] == [
            "layer_0",
            "layer_1",
            "layer_2",
        ]


def test_one_layer_and_the_average(tmp_path):
    _export(tmp_path / "one.h5", layer=1)
    _export(tmp_path / "mean.h5", average=True)
    with h5py.File(tmp_path / "one.h5") as one, h5py.File(tmp_path / "mean.h5") as mean:
        for i, sentence in enumerate(SENTENCES):
            vectors = expected(sentence)
            assert np.array_equal(one[str(i)][...], vectors[1])
            assert mean[str(i)].shape == (len(sentence), 6)
            average = (vectors[0] + vectors[1] + vectors[2]) / 3
            assert np.abs(mean[str(i)][...] - average).max(initial=0) <= 1e-6


def test_half_precision(tmp_path):
    _export(tmp_path / "x.safetensors", precision="fp16", layer=2)
    arrays, _, places = _flat(tmp_path / "x.safetensors")
    assert arrays["layer_2"].dtype == np.float16
    begin, end = places[2]
    assert np.array_equal(
        arrays["layer_2"][begin:end], expected(SENTENCES[2])[2].astype(np.float16)
    )


@pytest.mark.parametrize("name", ["word_emb", "lstm_outputs1", "lstm_outputs2", "elmo", "default"])
@pytest.mark.parametrize("suffix", ["h5", "safetensors"])
def test_outputs_of_elmo(tmp_path, name, suffix):
    provider = load_provider("elmo-random")
    path = tmp_path / f"x.{suffix}"
    _export(path, provider, output=name)
    wanted = elmo_outputs(provider, SENTENCES)[name]
    if suffix == "h5":
        with h5py.File(path) as file:
            found = [file[str(i)][...] for i in range(len(SENTENCES))]
    else:
        arrays, _, places = _flat(path)
        found = [arrays[name][a:b] for a, b in places]
        if name == "default":
            found = list(arrays[name])
    assert len(found) == len(wanted)
    for i, sentence in enumerate(SENTENCES):
        rows = wanted[i] if name == "default" else wanted[i, : len(sentence)]
        assert found[i].shape == rows.shape
        assert np.abs(found[i] - rows).max(initial=0) <= 5e-6


def test_no_lines_at_all(tmp_path):
    for suffix in ("h5", "safetensors"):
        assert _export(tmp_path / f"x.{suffix}", data=b"").sentences == 0
    assert load_file(tmp_path / "x.safetensors")["layer_0"].shape == (0, 6)


def test_what_is_held_is_bounded(tmp_path):
    sizes = []

    class Watched(RandomStaticProvider):
        def encode_tokens(self, sentences):
            sizes.append(sum(map(len, sentences)))
            return super().encode_tokens(sentences)

    _export(tmp_path / "x.h5", Watched(dim=4), data=b"a b c\n" * 500, chunk_values=4 * 30)
    assert max(sizes) <= 30
    assert sum(sizes) == 1500


def test_the_index_is_left_out_of_large_files(tmp_path, monkeypatch):
    monkeypatch.setattr(hdf5_writer, "SENTENCE_INDEX_BYTES", 20)
    _export(tmp_path / "x.h5")
    with h5py.File(tmp_path / "x.h5") as file:
        assert set(file) == {"0", "1", "2", "3", "4", "5", "elmobench"}


class Changing(TokenLines):
    """The file has another line at the second reading."""

    def sentences(self):
        yield from super().sentences()
        self._stream.seek(0, io.SEEK_END)
        self._stream.write(b"\nmore")


@pytest.mark.parametrize("suffix", ["h5", "safetensors"])
def test_mistakes_leave_no_file_and_keep_the_old_one(tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(b"old")
    with pytest.raises(DataError, match=r"some\.txt:2: is not UTF-8"):
        _export(path, data=b"good\nb\xffad\n")
    with pytest.raises(StoreError, match=r"some\.txt:3: a value of .* is too large for fp16"):
        _export(path, HashProvider(scale=1e6), data=b"\n\nword", precision="fp16")
    carried = load_provider("elmo-random@state=carry")
    with pytest.raises(StoreError, match="state=zero"):
        _export(path, carried)
    provider = HashProvider()
    lines = Changing(io.BytesIO(TEXT), "some.txt", TOKENIZERS["spaces"])
    with pytest.raises(DataError, match="changed while it was read"):
        export(provider, lines, path, make_selection(provider))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_wrong_selections(tmp_path):
    provider = HashProvider()
    with pytest.raises(ConfigError, match="no layer 3"):
        make_selection(provider, layer=3)
    with pytest.raises(ConfigError, match="no layer -1"):
        make_selection(provider, layer=-1)
    with pytest.raises(ConfigError, match="one of them"):
        make_selection(provider, layer=0, average=True)
    with pytest.raises(ConfigError, match="not an ELMo"):
        make_selection(provider, output="elmo")
    with pytest.raises(ConfigError, match="lstm_outputs1"):
        make_selection(load_provider("elmo-random"), output="lstm_output1")
    with pytest.raises(ConfigError, match="unknown file format"):
        _export(tmp_path / "x.npz")


def test_what_can_be_read_once_is_copied(tmp_path):
    class Once(io.BytesIO):
        def seek(self, *_):
            raise AssertionError("a pipe cannot go back")

    with open_lines(Path("-"), TOKENIZERS["spaces"], Once(TEXT)) as lines:
        assert list(lines.sentences()) == list(lines.sentences()) == SENTENCES
    with pytest.raises(DataError, match="is a folder"), open_lines(tmp_path, str.split, Once()):
        pass
    with (
        pytest.raises(DataError, match="no such file"),
        open_lines(tmp_path / "none", str.split, Once()),
    ):
        pass


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("suffix", [".hdf5", ".safetensors"])
@pytest.mark.parametrize("room", [0, 100, 900, 1700])
def test_a_disk_that_fills(tmp_path, suffix, room, capfd):
    """At the start, in the middle and at the end: an error that names the file, nothing else."""
    resource = pytest.importorskip("resource")
    path = tmp_path / f"x{suffix}"
    _export(path)
    before = path.read_bytes()
    assert room < len(before)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        with pytest.raises(StoreError, match="cannot be written: File too large") as caught:
            _export(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.where == str(path)
    gc.collect()
    assert capfd.readouterr() == ("", "")
    # The file that was there is kept, and nothing beside it; the next run is as good as the first.
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    _export(path)
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        StoreError, match=r"cannot be written: (Not a directory|File exists)"
    ) as caught:
        _export(tmp_path / "file" / "x.hdf5")
    assert caught.value.where == str(tmp_path / "file" / "x.hdf5")
    (tmp_path / "folder.hdf5").mkdir()
    with pytest.raises(StoreError, match="cannot be written: Is a directory"):
        _export(tmp_path / "folder.hdf5")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.hdf5"]


def test_an_error_of_the_model_is_not_one_of_the_file(tmp_path):
    class Broken(HashProvider):
        def encode_tokens(self, sentences):
            raise OSError(5, "the model's own")

    with pytest.raises(OSError, match="the model's own"):
        _export(tmp_path / "x.hdf5", Broken())
    assert list(tmp_path.iterdir()) == []
