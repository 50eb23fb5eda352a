"""Entries give the expected shape of their models, and every load checks it."""

import json

import h5py
import numpy as np
import pytest

from elmobench.core import paths
from elmobench.core.errors import ConfigError, ModelError
from elmobench.features.catalog.catalog import ModelCatalog, load_provider
from elmobench.features.elmo.loading import expected_shapes
from elmobench.features.elmo.options import parse_options
from elmobench.features.static.random_vectors import RandomStaticProvider

# (cells, projection, highways), and the millions of parameters in the publisher's table.
PUBLISHED = {
    "elmo-small": (1024, 128, 1, 13.6),
    "elmo-medium": (2048, 256, 1, 28.0),
    "elmo-original": (4096, 512, 2, 93.6),
    "elmo-original-5.5b": (4096, 512, 2, 93.6),
}
FILTERS = [[1, 32], [2, 32], [3, 64], [4, 128], [5, 256], [6, 512], [7, 1024]]


def counted(cells, projection, highways):
    """Values in the weights file, counted by hand."""
    characters = 261 * 16
    convolutions = sum((width * 16 + 1) * count for width, count in FILTERS)
    highway = 2 * (2048 * 2048 + 2048)
    project = 2048 * projection + projection
    lstm = 2 * projection * 4 * cells + 4 * cells + cells * projection
    return characters + convolutions + highways * highway + project + 2 * 2 * lstm


def options_of(cells, projection, highways):
    return {
        "char_cnn": {
            "activation": "relu",
            "embedding": {"dim": 16},
            "filters": FILTERS,
            "n_highway": highways,
            "max_characters_per_token": 50,
            "n_characters": 262,
        },
        "lstm": {
            "cell_clip": 3,
            "dim": cells,
            "n_layers": 2,
            "proj_clip": 3,
            "projection_dim": projection,
            "use_skip_connections": True,
        },
    }


def write_zeros(options, folder, stem):
    """A model of this shape; compressed zeros take little room in an HDF5 file."""
    folder.mkdir(parents=True)
    (folder / f"{stem}_options.json").write_text(json.dumps(options))
    with h5py.File(folder / f"{stem}_weights.hdf5", "w") as file:
        for name, shape in expected_shapes(parse_options(options, stem)).items():
            zeros = np.zeros(shape, np.float32)
            file.create_dataset(name, data=zeros, compression="lzf")


@pytest.mark.parametrize("name", PUBLISHED)
def test_public_elmo_has_the_published_number_of_parameters(name):
    *shape, millions = PUBLISHED[name]
    expect = ModelCatalog().entry(name).expect
    assert expect.parameters == counted(*shape)
    assert round(expect.parameters / 1e6, 1) == millions
    # With a row for the padding character, which files lack, the table would read the same.
    assert round((expect.parameters + 16) / 1e6, 1) == millions
    assert (expect.dim, expect.layers) == (2 * shape[1], 3)


@pytest.mark.parametrize("name", ["elmo-small", "elmo-medium"])
def test_a_model_of_the_public_shape_is_what_its_entry_expects(name, tmp_path, monkeypatch):
    *shape, _ = PUBLISHED[name]
    entry = ModelCatalog().entry(name)
    address = entry.files["options"].url.removeprefix("https://").rsplit("/", 1)
    stem = address[1].removesuffix("_options.json")
    monkeypatch.setenv(paths.MIRROR_VARIABLE, str(tmp_path))
    write_zeros(options_of(*shape), tmp_path / address[0], stem)
    provider = ModelCatalog(trust_first=True).load(name)
    assert provider.parameters == entry.expect.parameters


def test_a_model_of_another_shape_is_not(tmp_path, monkeypatch):
    address = ModelCatalog().entry("elmo-small").files["options"].url.removeprefix("https://")
    folder, file = address.rsplit("/", 1)
    monkeypatch.setenv(paths.MIRROR_VARIABLE, str(tmp_path))
    options = options_of(1024, 64, 1)
    write_zeros(options, tmp_path / folder, file.removesuffix("_options.json"))
    with pytest.raises(ModelError) as caught:
        ModelCatalog(trust_first=True).load("elmo-small")
    message = str(caught.value)
    assert "vectors of 128 values, expected 256" in message
    assert f"{counted(1024, 64, 1):,} parameters, expected 13,593,296" in message
    assert "layers" not in message.split("it has")[1].split("(read")[0]
    assert "features 'elmo-small'" in message
    assert caught.value.fix


@pytest.mark.parametrize("name", ["random", "elmo-random"])
def test_models_that_need_no_files_are_what_their_entries_expect(name):
    expect = ModelCatalog().entry(name).expect
    provider = load_provider(name)
    found = (provider.parameters, provider.dim, provider.num_layers)
    assert found == (expect.parameters, expect.dim, expect.layers)


def test_glove_is_words_times_values():
    catalog = ModelCatalog()
    for dim in (50, 100, 200, 300):
        entry = catalog.entry(f"glove-6b-{dim}d")
        assert (entry.expect.parameters, entry.expect.dim) == (400_000 * dim, dim)
        assert entry.options["member"] == f"glove.6B.{dim}d.txt"
        assert entry.options["case"] == "lower"
    large = catalog.entry("glove-840b-300d")
    assert large.options["case"] == "keep"
    # Of its rows one repeats a word, and the first one holds.
    assert large.options["duplicates"] == "first"
    assert large.expect.parameters == (2_196_017 - 1) * 300


def test_what_must_be_read_for_it_is_counted_only_when_asked(monkeypatch):
    monkeypatch.setattr(RandomStaticProvider, "parameter_count_is_cheap", False)
    models = {"mine": {"provider": "random", "expect": {"parameters": 7}}}
    assert ModelCatalog(models).load("mine").dim == 128
    with pytest.raises(ModelError, match="0 parameters, expected 7"):
        ModelCatalog(models, thorough=True).load("mine")


def test_the_rows_of_a_vector_file_are_counted_when_it_has_been_read(tmp_path):
    (tmp_path / "v.txt").write_text("a 1 2\nb 3 4\n")
    files = {"vectors": {"path": str(tmp_path / "v.txt")}}
    models = {"mine": {"provider": "static", "files": files, "expect": {"parameters": 6}}}
    provider = ModelCatalog(models).load("mine")
    assert not provider.parameter_count_is_cheap
    provider.encode([["a"]])
    assert provider.parameter_count_is_cheap
    assert provider.parameters == 4
    with pytest.raises(ModelError, match="4 parameters, expected 6"):
        ModelCatalog(models, thorough=True).load("mine")


@pytest.mark.parametrize(("name", "words"), [("cased", 28_996), ("uncased", 30_522)])
def test_bert_is_the_encoder_without_its_pooler(name, words):
    width, inner = 768, 3072
    embeddings = (words + 512 + 2) * width + 2 * width
    attention = 4 * (width * width + width)
    feed_forward = 2 * width * inner + inner + width
    expect = ModelCatalog().entry(f"bert-base-{name}").expect
    assert expect.parameters == embeddings + 12 * (attention + feed_forward + 2 * 2 * width)
    # transformers' BertModel has a pooler on top: these are its well-known numbers.
    with_pooler = expect.parameters + width * width + width
    assert with_pooler == {"cased": 108_310_272, "uncased": 109_482_240}[name]
    assert (expect.dim, expect.layers) == (width, 13)


def test_every_setting_is_loaded_and_checked(tmp_path):
    models = {"mine": {"provider": "random", "options": {"dim": 4}, "expect": {"dim": 5}}}
    catalog = ModelCatalog(models)
    for settings in ({}, {"seed": "1"}, {}):
        with pytest.raises(ModelError, match="vectors of 4 values, expected 5"):
            catalog.load("mine", settings)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"expect": {"params": 3}}, "did you mean 'parameters'"),
        ({"expect": {"dim": 0}}, r"expect\.dim"),
        ({"expect": {"layers": "three"}}, r"expect\.layers"),
        ({"homepage": "www.example.org"}, "homepage"),
        ({"trained_upon": "books"}, "did you mean 'trained_on'"),
    ],
)
def test_malformed_fields(entry, message):
    with pytest.raises(ConfigError, match=message):
        ModelCatalog({"mine": {"provider": "random", **entry}})
