"""Model files that are not what they should be: what is wrong, in which file, what to do.

Nothing is written and nothing is changed, whatever the file.
"""

import json
import shutil

import h5py
import numpy as np
import pytest
from served_models import kept, write_elmo, write_keras

from elmobench.core import paths
from elmobench.core.digests import file_sha256
from elmobench.core.errors import (
    ConfigError,
    DigestError,
    DownloadError,
    ElmobenchError,
    ModelError,
)
from elmobench.data.download import cache as downloads
from elmobench.features.catalog.catalog import ModelCatalog, load_provider


def _options(block, **changes):
    def spoil(folder):
        options = json.loads((folder / "options.json").read_text())
        options[block] |= changes
        (folder / "options.json").write_text(json.dumps(options))

    return spoil


def _weights(change):
    def spoil(folder):
        with h5py.File(folder / "weights.hdf5", "a") as file:
            change(file)

    return spoil


def _text(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def _cut(share):
    def spoil(folder):
        content = (folder / "weights.hdf5").read_bytes()
        (folder / "weights.hdf5").write_bytes(content[: int(len(content) * share)])

    return spoil


def _replace(name, values):
    def change(file):
        del file[name]
        file[name] = values

    return _weights(change)


def _only_a_group(file):
    del file["char_embed"]
    file.create_group("char_embed")


CELL = "RNN_0/RNN/MultiRNNCell/Cell0/LSTMCell"
ELMO = {
    # name: (damage, the file that the message names, what it says)
    "cut in the header": (_cut(0.0005), "weights.hdf5", "not a readable HDF5 file"),
    "cut in the middle": (_cut(0.5), "weights.hdf5", "not a readable HDF5 file"),
    "cut at the end": (_cut(0.999), "weights.hdf5", "not a readable HDF5 file"),
    "empty": (_text("weights.hdf5", b""), "weights.hdf5", "not a readable HDF5 file"),
    "a web page": (_text("weights.hdf5", b"<html>404"), "weights.hdf5", "not a readable HDF5"),
    "a network of Keras": (
        lambda folder: write_keras(folder / "weights.hdf5"),
        "weights.hdf5",
        "'char_embed' is missing",
    ),
    "a group for a dataset": (_weights(_only_a_group), "weights.hdf5", "'char_embed' is missing"),
    "values that are not finite": (
        _replace("CNN_proj/b_proj", np.full(16, np.inf, np.float32)),
        "weights.hdf5",
        "not finite",
    ),
    "swapped files": (
        lambda folder: shutil.copyfile(folder / "weights.hdf5", folder / "options.json"),
        "options.json",
        "is not UTF-8",
    ),
    "options: more values a character": (
        _options("char_cnn", embedding={"dim": 5}),
        "weights.hdf5",
        "'char_embed' has shape",
    ),
    "options: another width of a filter": (
        _options("char_cnn", filters=[[1, 4], [3, 6]]),
        "weights.hdf5",
        "'CNN/W_cnn_1' has shape",
    ),
    "options: another number of a filter": (
        _options("char_cnn", filters=[[1, 4], [2, 7]]),
        "weights.hdf5",
        "'CNN/W_cnn_1' has shape",
    ),
    "options: a filter more": (
        _options("char_cnn", filters=[[1, 4], [2, 6], [3, 2]]),
        "weights.hdf5",
        "'CNN/W_cnn_2' is missing",
    ),
    "options: a filter less": (
        _options("char_cnn", filters=[[1, 4]]),
        "weights.hdf5",
        "'CNN_high_0/W_carry' has shape",
    ),
    "options: a highway more": (
        _options("char_cnn", n_highway=3),
        "weights.hdf5",
        "'CNN_high_2/W_carry' is missing",
    ),
    "options: another projection": (
        _options("lstm", projection_dim=17),
        "weights.hdf5",
        "'CNN_proj/W_proj' has shape",
    ),
    "options: other cells": (
        _options("lstm", dim=201),
        "weights.hdf5",
        f"'{CELL}/W_0' has shape",
    ),
    "options: a layer less": (
        _options("lstm", n_layers=1),
        "weights.hdf5",
        f"has '{CELL.replace('Cell0', 'Cell1')}', but the options give 1 biLSTM layers",
    ),
    "options: a highway less": (
        _options("char_cnn", n_highway=1),
        "weights.hdf5",
        "has 'CNN_high_1', but the options give 1 highway layers",
    ),
    "weights: a filter more": (
        _weights(lambda file: file.create_dataset("CNN/W_cnn_2", (1, 3, 4, 2), "f4")),
        "weights.hdf5",
        "has 'CNN/W_cnn_2', but the options give 2 filter widths",
    ),
    "weights: whole numbers": (
        _replace("CNN_proj/b_proj", np.zeros(16, np.int32)),
        "weights.hdf5",
        "has type int32, not floats",
    ),
    "options: a layer more": (
        _options("lstm", n_layers=3),
        "weights.hdf5",
        f"'{CELL.replace('Cell0', 'Cell2')}/W_0' is missing",
    ),
    "options: a list": (_text("options.json", b"[1]"), "options.json", "holds a list"),
    "options: nothing": (_text("options.json", b""), "options.json", "is not JSON"),
    "options: no text": (_text("options.json", b"\xff\xfe"), "options.json", "is not UTF-8"),
    "options: of another kind of model": (
        _text("options.json", b'{"hidden_size": 768}'),
        "options.json",
        "'char_cnn' is missing",
    ),
    "options: no number": (_options("lstm", dim="wide"), "options.json", "lstm.dim"),
    "options: nothing left": (_options("lstm", n_layers=0), "options.json", "lstm.n_layers"),
    "options: no filters": (_options("char_cnn", filters=[]), "options.json", "filters"),
    "options: one direction": (
        lambda folder: (folder / "options.json").write_text(
            json.dumps(json.loads((folder / "options.json").read_text()) | {"bidirectional": False})
        ),
        "options.json",
        "bidirectional",
    ),
    "no weights": (lambda folder: (folder / "weights.hdf5").unlink(), "weights.hdf5", "no file"),
    "no options": (lambda folder: (folder / "options.json").unlink(), "options.json", "no file"),
}


def _contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("case", ELMO)
def test_elmo(case, tmp_path):
    spoil, file, message = ELMO[case]
    write_elmo(tmp_path / "model")
    load_provider(f"elmo:{tmp_path / 'model'}")
    spoil(tmp_path / "model")
    before = _contents(tmp_path)
    with pytest.raises(ModelError) as caught:
        load_provider(f"elmo:{tmp_path / 'model'}")
    assert message in str(caught.value)
    assert str(tmp_path / "model" / file) in str(caught.value)
    assert caught.value.fix
    assert _contents(tmp_path) == before
    assert kept() == []


def _entry(**more):
    return {"provider": "static", "files": {"vectors": {"path": "v.txt"}}, **more}


def _with(**known):
    return _entry(files={"vectors": {"path": "v.txt", **known}})


URL = "https://example.org/v.txt"
CATALOG = {
    # name: (entry, kind of error, what it says, whether the file is named)
    "another digest": (_with(sha256="0" * 64), DigestError, "has sha256", True),
    "another size": (_with(bytes=7), DigestError, "has 12 bytes, but its entry says 7", True),
    "other values": (_entry(expect={"dim": 3}), ModelError, "2 values, expected 3", True),
    "other layers": (_entry(expect={"layers": 3}), ModelError, "1 layers, expected 3", True),
    "no such file": (
        _entry(files={"vectors": {"path": "w.txt"}}),
        ModelError,
        "no file 'w.txt'",
        False,
    ),
    "an unpinned address": (
        _entry(files={"vectors": {"url": URL}}),
        DigestError,
        "no digest is known",
        False,
    ),
    "an address without https": (
        _entry(files={"vectors": {"url": URL.replace("https", "http"), "sha256": "0" * 64}}),
        DownloadError,
        "not an https address",
        False,
    ),
    "an address that is not in the mirror": (
        _entry(files={"vectors": {"url": URL, "sha256": "0" * 64}}),
        DownloadError,
        "the mirror has no file",
        False,
    ),
    "no role": (_entry(files={}), ConfigError, "no file for the role 'vectors'", False),
    "an unknown option": (_entry(options={"caze": "lower"}), ConfigError, "caze", False),
    "an unknown provider": (_entry(provider="statik"), ConfigError, "'statik'", False),
}


@pytest.mark.parametrize("case", CATALOG)
def test_catalog(case, tmp_path, monkeypatch):
    entry, kind, message, names_file = CATALOG[case]
    monkeypatch.setenv(paths.MIRROR_VARIABLE, str(tmp_path / "mirror"))
    (tmp_path / "v.txt").write_text("a 1 2\nb 3 4\n")
    before = _contents(tmp_path)
    with pytest.raises(kind) as caught:
        ModelCatalog({"mine": entry}, tmp_path).load("mine")
    assert message in str(caught.value)
    if names_file:
        assert str(tmp_path / "v.txt") in str(caught.value)
    if "https" not in case:
        assert caught.value.fix
    assert _contents(tmp_path) == before
    assert kept() == []


@pytest.mark.parametrize(
    "content",
    ["models: [1]", "models: {mine: {provider: 3}}", "other: {}", "models:\n\tx", "- 1", ""],
)
def test_a_bad_models_file_is_named(content, tmp_path, monkeypatch):
    (tmp_path / "models.yaml").write_text(content)
    monkeypatch.setenv(paths.MODELS_VARIABLE, str(tmp_path))
    with pytest.raises(ElmobenchError) as caught:
        ModelCatalog()
    assert str(tmp_path / "models.yaml") in str(caught.value)
    assert (tmp_path / "models.yaml").read_text() == content


def test_trust_first_does_not_override_a_digest_in_the_entry(tmp_path, monkeypatch):
    """--trust-first applies only to files without a known digest."""
    (tmp_path / "example.org").mkdir()
    (tmp_path / "example.org" / "v.txt").write_text("a 1 2\n")
    monkeypatch.setenv(paths.MIRROR_VARIABLE, str(tmp_path))
    entry = _entry(files={"vectors": {"url": URL, "sha256": "0" * 64}})
    with pytest.raises(DigestError, match="expected 0000"):
        load_provider("mine", {"mine": entry}, trust_first=True)
    assert kept() == []
    right = file_sha256(tmp_path / "example.org" / "v.txt")
    entry["files"]["vectors"]["sha256"] = right
    assert load_provider("mine", {"mine": entry}).dim == 2
    assert kept() == [downloads.cache_path(right)]
    assert not paths.lock_file().exists()
