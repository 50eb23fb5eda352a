"""The outputs that TF-Hub names, against the float64 reference and published data."""

import json

import h5py
import numpy as np
import pytest
from elmo_reference import Reference, write_model

from elmobench.core.errors import ConfigError
from elmobench.features.elmo.outputs import elmo_outputs, output_names
from elmobench.features.elmo.provider import ElmoProvider

ASK = 5e-6
SENTENCES = [
    ["The", "bank", "of", "the", "river", "."],
    [],
    ["a\u00a0b", "<S>", "", "日本語"],
    ["word"],
]


@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_outputs_equal_the_float64_reference(tmp_path, n_layers):
    model = write_model(tmp_path, lstm={"n_layers": n_layers})
    provider, reference = ElmoProvider.from_files(*model), Reference(*model)
    weights = [0.5, 0.3, 0.15, 0.05][: n_layers + 1]
    weights[0] += 1 - sum(weights)
    found = elmo_outputs(provider, SENTENCES, weights=weights, gamma=1.7)
    names = [f"lstm_outputs{i + 1}" for i in range(n_layers)]
    assert list(found) == ["word_emb", *names, "elmo", "default", "lengths"]
    assert [*output_names(provider), "lengths"] == list(found)
    assert found["lengths"].tolist() == [6, 0, 4, 1]
    p = provider.dim // 2
    assert found["word_emb"].shape == (4, 6, p)
    assert found["default"].shape == (4, 2 * p)
    for b, sentence in enumerate(SENTENCES):
        size = len(sentence)
        layers = reference.encode(sentence)[0] if sentence else np.zeros((n_layers + 1, 0, 2 * p))
        expected = {"word_emb": layers[0, :, :p]}
        expected |= {name: layers[i + 1] for i, name in enumerate(names)}
        expected["elmo"] = 1.7 * sum(w * layer for w, layer in zip(weights, layers, strict=True))
        for name, values in expected.items():
            assert found[name].dtype == np.float32
            assert found[name].shape[:2] == (4, 6)
            assert np.abs(found[name][b, :size] - values).max(initial=0) <= ASK
            assert not found[name][b, size:].any()
        mean = expected["elmo"].sum(axis=0) / max(size, 1)
        assert np.abs(found["default"][b] - mean).max() <= ASK


def test_the_default_mix_is_uniform(tmp_path):
    provider = ElmoProvider.from_files(*write_model(tmp_path))
    found = elmo_outputs(provider, SENTENCES)
    (vectors,) = provider.encode([SENTENCES[0]])
    mean = (vectors[0] + vectors[1] + vectors[2]) / 3
    assert np.abs(found["elmo"][0] - mean).max() <= 1e-6
    assert np.abs(found["default"][0] - mean.mean(axis=0)).max() <= 1e-6


def test_strings_are_split_at_spaces_only(tmp_path):
    provider = ElmoProvider.from_files(*write_model(tmp_path))
    strings = elmo_outputs(provider, ["the  cat sat. ", "", "a\u00a0b c\td"])
    tokens = elmo_outputs(provider, [["the", "cat", "sat."], [], ["a\u00a0b", "c\td"]])
    assert strings.keys() == tokens.keys()
    for name in strings:
        assert np.array_equal(strings[name], tokens[name])


def test_no_sentences_and_no_tokens(tmp_path):
    provider = ElmoProvider.from_files(*write_model(tmp_path))
    assert elmo_outputs(provider, [])["elmo"].shape == (0, 0, provider.dim)
    empty = elmo_outputs(provider, [[], ""])
    assert empty["word_emb"].shape == (2, 0, provider.dim // 2)
    assert empty["default"].tolist() == np.zeros((2, provider.dim)).tolist()


@pytest.mark.parametrize(
    "weights", [[0.5, 0.5], [0.0, 0.0, 0.0], [1.5, -0.5, 0.0], [float("nan"), 0.5, 0.5], [0.1] * 3]
)
def test_invalid_weights(tmp_path, weights):
    provider = ElmoProvider.from_files(*write_model(tmp_path))
    with pytest.raises(ConfigError, match="softmax"):
        elmo_outputs(provider, SENTENCES, weights=weights)


@pytest.mark.shared
def test_against_the_published_activations(shared):
    """The first sentence of each row began from zeros, so zero states must give them."""
    folder = shared / "fixtures" / "elmo"
    provider = ElmoProvider.from_files(folder / "options.json", folder / "lm_weights.hdf5")
    rows = json.loads((folder / "sentences.json").read_text(encoding="utf-8"))
    found = elmo_outputs(provider, [row[0] for row in rows])
    for k in range(3):
        with h5py.File(folder / f"lm_embeddings_{k}.hdf5") as file:
            top = np.concatenate(list(file["0"][...]), axis=1)
        assert found["lengths"][k] == len(top)
        assert np.abs(found["lstm_outputs2"][k, : len(top)] - top).max() <= ASK
        assert not found["lstm_outputs2"][k, len(top) :].any()
    words = (folder / "vocab_test.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")
    with h5py.File(folder / "elmo_token_embeddings.hdf5") as file:
        stored = file["embedding"][...]
    alone = elmo_outputs(provider, [[word] for word in words])["word_emb"]
    assert np.abs(alone[:, 0] - stored).max() <= ASK
