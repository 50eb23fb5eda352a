"""Options and weights of ELMo that are damaged: refused before their sizes are used."""

import json

import h5py
import numpy as np
import pytest
from elmo_reference import write_model

from elmobench.core.errors import ConfigError, ElmobenchError, ModelError
from elmobench.features.catalog.catalog import load_provider
from elmobench.features.elmo.options import read_options
from elmobench.features.elmo.provider import ElmoProvider


@pytest.fixture
def model(tmp_path):
    return write_model(tmp_path / "model")


@pytest.mark.parametrize(
    ("block", "key", "value"),
    [
        ("lstm", "n_layers", 10**12),
        ("lstm", "dim", 10**12),
        ("lstm", "projection_dim", 10**12),
        ("lstm", "dim", 10**400),
        ("lstm", "dim", 1.5),
        ("lstm", "dim", True),
        ("lstm", "cell_clip", "3"),
        ("lstm", "cell_clip", -1),
        ("lstm", "cell_clip", 1e308),
        ("lstm", "proj_clip", 1e39),
        ("char_cnn", "n_highway", 10**12),
        ("char_cnn", "max_characters_per_token", 10**12),
        ("char_cnn", "filters", [[1, 10**12]]),
        ("char_cnn", "filters", [[1, 2]] * 101),
        ("char_cnn", "filters", [[1]]),
        ("char_cnn", "filters", "all"),
        ("char_cnn", "embedding", None),
        ("char_cnn", "embedding", {"dim": 10**12}),
        ("char_cnn", "activation", ["relu"]),
    ],
)
def test_sizes_and_types_are_checked(model, block, key, value):
    options = json.loads(model[0].read_text())
    options[block][key] = value
    model[0].write_text(json.dumps(options))
    with pytest.raises(ModelError, match=rf"{block}\.{key}|{key}") as caught:
        read_options(model[0])
    assert caught.value.where == str(model[0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"lstm": {"dim": 1, "dim": 2}}', "the key 'dim' is given twice"),
        (b'{"lstm": {"cell_clip": NaN}}', "NaN is not a finite number"),
        (b'{"lstm": {"cell_clip": 1e999}}', "1e999 is not a finite number"),
        (b"[" * 100_000, "nested too deeply"),
        (b"9" * 5000, "is not JSON"),
        (b'"lstm"', "holds a str"),
        (b"{" + b'"a": {' * 300 + b"}" * 301, "nested too deeply"),
        (b"\xef\xbb\xbf{}", "'char_cnn' is missing"),
    ],
)
def test_what_is_no_json_of_options(model, content, message):
    model[0].write_bytes(content)
    with pytest.raises(ModelError, match=message) as caught:
        read_options(model[0])
    assert str(model[0]) in str(caught.value)


def test_a_model_that_memory_cannot_hold_is_refused(model):
    options = json.loads(model[0].read_text())
    options["lstm"] |= {"dim": 100_000, "projection_dim": 100_000}
    model[0].write_text(json.dumps(options))
    for load in (
        lambda: ElmoProvider.from_files(*model),
        lambda: ElmoProvider.random(read_options(model[0])),
        lambda: load_provider("big", {"big": {"provider": "elmo-random", "options": SIZES}}),
    ):
        with pytest.raises(ModelError, match=r"a model of [0-9,]{12,} values"):
            load()


SIZES = {"dim": 100_000, "projection_dim": 100_000}


def _replaced(weights, name, values, **settings):
    with h5py.File(weights, "a") as file:
        shape = file[name].shape
        del file[name]
        file.create_dataset(name, shape, "f4", **settings)
        if values is not None:
            file[name][...] = values


def test_a_dataset_of_which_nothing_is_stored(model):
    _replaced(model[1], "CNN_proj/W_proj", None)
    with pytest.raises(ModelError, match=r"should hold [0-9,]+ bytes, but 0 are stored"):
        ElmoProvider.from_files(*model)


def test_values_of_other_files_are_not_read(model, tmp_path):
    (tmp_path / "secret").write_bytes(b"a" * 100_000)
    _replaced(model[1], "CNN_proj/b_proj", None, external=[(str(tmp_path / "secret"), 0, 100_000)])
    with pytest.raises(ModelError, match="takes its values from other files"):
        ElmoProvider.from_files(*model)


def test_compressed_zeros_are_stored(model):
    _replaced(model[1], "CNN_proj/W_proj", 0, compression="gzip")
    assert ElmoProvider.from_files(*model).encode([["a"]])[0].shape[1] == 1


@pytest.mark.parametrize("value", [1e7, -3e38])
def test_weights_that_no_training_gives(model, value):
    _replaced(model[1], "CNN_proj/b_proj", np.float32(value))
    with pytest.raises(ModelError, match=r"contains the value [0-9.e+]+, as no trained model does"):
        ElmoProvider.from_files(*model)


@pytest.mark.parametrize("kind", ["random", "elmo-random"])
@pytest.mark.parametrize("seed", [-1, 2**64, -(2**200)])
def test_seeds_of_any_sign_and_of_many_bits(kind, seed):
    def vectors(value):
        models = {"mine": {"provider": kind, "options": {"seed": value}}}
        return load_provider("mine", models).encode([["a", "b"]])[0]

    assert np.array_equal(vectors(seed), vectors(seed))
    assert not np.array_equal(vectors(seed), vectors(seed + 1))


@pytest.mark.parametrize("kind", ["random", "elmo-random"])
@pytest.mark.parametrize("seed", ["inf", "-inf", "nan", "1e999", "1.5", "9" * 400, "9" * 5000, "x"])
def test_other_seeds_are_refused(kind, seed):
    with pytest.raises(ConfigError, match="seed"):
        load_provider(f"{kind}@seed={seed}")


@pytest.mark.parametrize("dim", [10**12, 0, -1, float("inf"), "wide"])
def test_sizes_of_random_vectors(dim):
    with pytest.raises(ElmobenchError, match=r"dim|inf is not"):
        load_provider("mine", {"mine": {"provider": "random", "options": {"dim": dim}}})
