import json

import h5py
import numpy as np
import pytest
from elmo_reference import write_model

from elmobench.core.errors import ConfigError, ModelError
from elmobench.features.catalog.catalog import load_provider
from elmobench.features.elmo.options import read_options
from elmobench.features.elmo.provider import FACTORY, ElmoProvider


def _edit(path, change):
    options = json.loads(path.read_text())
    change(options)
    path.write_text(json.dumps(options))


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.98])
def test_truncated_weights(tmp_path, share):
    options, weights = write_model(tmp_path)
    data = weights.read_bytes()
    weights.write_bytes(data[: int(len(data) * share)])
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ModelError, match=r"weights\.hdf5"):
        ElmoProvider.from_files(options, weights)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("content", [b"", b"not hdf5 at all", b"<html>404</html>" * 100])
def test_foreign_weights(tmp_path, content):
    options, weights = write_model(tmp_path)
    weights.write_bytes(content)
    with pytest.raises(ModelError, match="not a readable HDF5 file"):
        ElmoProvider.from_files(options, weights)


def test_absent_files(tmp_path):
    options, weights = write_model(tmp_path)
    with pytest.raises(ModelError, match="no such file"):
        ElmoProvider.from_files(options, tmp_path / "other.hdf5")
    with pytest.raises(ModelError, match="no such file"):
        ElmoProvider.from_files(tmp_path / "other.json", weights)


@pytest.mark.parametrize(
    "name",
    [
        "char_embed",
        "CNN/b_cnn_1",
        "CNN_high_1/W_carry",
        "CNN_proj/W_proj",
        "RNN_1/RNN/MultiRNNCell/Cell1/LSTMCell/W_P_0",
    ],
)
def test_missing_dataset_is_named(tmp_path, name):
    options, weights = write_model(tmp_path)
    with h5py.File(weights, "a") as file:
        del file[name]
    with pytest.raises(ModelError, match=f"'{name}' is missing"):
        ElmoProvider.from_files(options, weights)


@pytest.mark.parametrize(
    ("change", "dataset"),
    [
        (lambda o: o["lstm"].update(projection_dim=6), "CNN_proj/W_proj"),
        (lambda o: o["lstm"].update(dim=13), "RNN_0/RNN/MultiRNNCell/Cell0/LSTMCell/W_0"),
        (lambda o: o["lstm"].update(n_layers=3), "RNN_0/RNN/MultiRNNCell/Cell2/LSTMCell/W_0"),
        (lambda o: o["char_cnn"]["embedding"].update(dim=5), "char_embed"),
        (lambda o: o["char_cnn"]["filters"].pop(), "CNN_high_0/W_carry"),
        (lambda o: o["char_cnn"].update(n_highway=3), "CNN_high_2/W_carry"),
    ],
)
def test_options_that_disagree_with_the_weights(tmp_path, change, dataset):
    options, weights = write_model(tmp_path)
    _edit(options, change)
    with pytest.raises(ModelError, match=dataset):
        ElmoProvider.from_files(options, weights)


def test_values_that_are_not_finite(tmp_path):
    options, weights = write_model(tmp_path)
    with h5py.File(weights, "a") as file:
        file["CNN_proj/b_proj"][0] = np.nan
    with pytest.raises(ModelError, match=r"CNN_proj/b_proj.*not finite"):
        ElmoProvider.from_files(options, weights)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda o: o.pop("lstm"), "lstm"),
        (lambda o: o["lstm"].pop("dim"), "lstm.dim"),
        (lambda o: o["lstm"].update(cell_clip=-1), "lstm.cell_clip"),
        (lambda o: o["char_cnn"].update(n_characters=300), "n_characters"),
        (lambda o: o["char_cnn"].update(activation="gelu"), "activation"),
        (lambda o: o["char_cnn"].update(filters=[]), "filters"),
        (lambda o: o["char_cnn"].update(filters=[[51, 2]]), "wider"),
        (lambda o: o.update(bidirectional=False), "bidirectional"),
    ],
)
def test_impossible_options_are_named(tmp_path, change, field):
    options, _ = write_model(tmp_path)
    _edit(options, change)
    with pytest.raises(ModelError, match=field):
        read_options(options)


def test_training_keys_are_passed_over(tmp_path):
    options, weights = write_model(tmp_path)
    digest = read_options(options).digest
    _edit(options, lambda o: o.update(n_epochs=10, bidirectional=True, unroll_steps=20))
    assert read_options(options).digest == digest
    ElmoProvider.from_files(options, weights)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '"x"'])
def test_options_that_are_no_object(tmp_path, text):
    path = tmp_path / "options.json"
    path.write_text(text)
    with pytest.raises(ModelError, match=r"options\.json"):
        read_options(path)


def test_filters_as_wide_as_the_projection_need_no_projection(tmp_path):
    options, weights = write_model(tmp_path, lstm={"projection_dim": 18})
    with_projection = ElmoProvider.from_files(options, weights).encode_types(["word"])[0]
    with h5py.File(weights, "a") as file:
        matrix, bias = file["CNN_proj/W_proj"][...], file["CNN_proj/b_proj"][...]
        del file["CNN_proj"]
    without = ElmoProvider.from_files(options, weights).encode_types(["word"])[0]
    assert np.abs(without @ matrix + bias - with_projection).max() < 1e-5


def test_factory_options_and_files(tmp_path):
    options, weights = write_model(tmp_path)
    files = {"options": options, "weights": weights}
    assert FACTORY.load("mine", files, {"state": "warm"}).name == "mine"
    with pytest.raises(ConfigError, match="statt"):
        FACTORY.load("mine", files, {"statt": "warm"})
    with pytest.raises(ConfigError, match="state"):
        FACTORY.load("mine", files, {"state": "hot"})
    with pytest.raises(ConfigError, match="'weights'"):
        FACTORY.load("mine", {"options": options}, {})


def test_a_folder_of_elmo_does_not_borrow_files(tmp_path, monkeypatch):
    """Weights of another model, at the top of a model folder, are not this folder's."""
    models, mine = tmp_path / "models", tmp_path / "mine"
    for folder, missing in ((models, None), (mine, "weights.hdf5")):
        folder.mkdir()
        write_model(folder)
        if missing:
            (folder / missing).unlink()
    monkeypatch.setenv("ELMOBENCH_MODELS", str(models))
    monkeypatch.chdir(tmp_path)
    assert load_provider(f"elmo:{models}").num_layers == 3
    for name in ("elmo:mine", f"elmo:{mine}"):
        with pytest.raises(ModelError, match="no file") as caught:
            load_provider(name)
        assert str(mine / "weights.hdf5") in str(caught.value)
        assert "ELMOBENCH_MODELS" not in str(caught.value)
