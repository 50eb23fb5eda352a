"""Parity with the published implementation's own activations, and a trained model."""

import json

import h5py
import numpy as np
import pytest
from elmo_reference import Reference

from elmobench.features.elmo.provider import ElmoProvider

pytestmark = pytest.mark.shared
ASK = 5e-6


@pytest.fixture
def fixture(shared):
    folder = shared / "fixtures" / "elmo"
    rows = json.loads((folder / "sentences.json").read_text(encoding="utf-8"))
    model = folder / "options.json", folder / "lm_weights.hdf5"
    return folder, model, [[text.split() for text in row] for row in rows]


def test_carry_equals_the_stored_activations(fixture):
    folder, model, rows = fixture
    ours = ElmoProvider.from_files(*model, state="carry")
    files = [h5py.File(folder / f"lm_embeddings_{k}.hdf5") for k in range(3)]
    largest = 0.0
    for i in range(10):
        for k, layers in enumerate(ours.encode_tokens([row[i] for row in rows])):
            stored = files[k][str(i)][...]
            expected = np.concatenate([stored[0], stored[1]], axis=1)
            assert layers[-1].shape == expected.shape
            largest = max(largest, np.abs(layers[-1] - expected).max())
    assert largest <= ASK


def test_zero_matches_them_in_the_first_batch_only(fixture):
    folder, model, rows = fixture
    ours = ElmoProvider.from_files(*model)
    with h5py.File(folder / "lm_embeddings_0.hdf5") as file:
        stored = [np.concatenate(list(file[str(i)][...]), axis=1) for i in range(2)]
    found = [layers[-1] for layers in ours.encode_tokens(rows[0][:2])]
    assert np.abs(found[0] - stored[0]).max() <= ASK
    assert np.abs(found[1] - stored[1]).max() > 1e-2


def test_layer_0_equals_the_stored_token_embeddings(fixture):
    folder, model, _ = fixture
    words = (folder / "vocab_test.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")
    with h5py.File(folder / "elmo_token_embeddings.hdf5") as file:
        stored = file["embedding"][...]
    assert len(words) == len(stored)
    found = ElmoProvider.from_files(*model).encode_types(words)[0]
    assert np.abs(found - stored).max() <= ASK


@pytest.mark.slow
def test_zero_state_in_any_batch(fixture):
    _, model, rows = fixture
    sentences = [sentence for row in rows for sentence in row]
    ours, reference = ElmoProvider.from_files(*model), Reference(*model)
    together = ours.encode(sentences)
    for sentence, found in zip(sentences, together, strict=True):
        assert np.abs(ours.encode([sentence])[0] - found).max() <= 2e-6
    for sentence, found in list(zip(sentences, together, strict=True))[:6]:
        assert np.abs(found - reference.encode(sentence)[0]).max() <= ASK


def test_a_trained_model_equals_float64(shared):
    folder = shared / "models" / "elmo-proto"
    model = folder / "options.json", folder / "weights.hdf5"
    sentences = [
        ["The", "bank", "raised", "its", "rates", "by", "the", "river", "bank", "."],
        ["Zürich", "日本", "naïve", "", "é" * 30, "😀", "x" * 60, "<S>", "\ud800"],
        [],
        ["Hello"],
        ["In", "1904", ",", "two", "villages", "agreed", "to", "build", "it"] * 4,
    ]
    ours, reference = ElmoProvider.from_files(*model), Reference(*model)
    together = ours.encode(sentences)
    for sentence, found in zip(sentences, together, strict=True):
        expected, _ = reference.encode(sentence)
        assert np.abs(found - expected).max(initial=0) <= ASK
        assert np.abs(ours.encode([sentence])[0] - found).max(initial=0) <= ASK
