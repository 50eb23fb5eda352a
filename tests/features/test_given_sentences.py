"""Every provider, and every function that takes sentences, checks them in the same way."""

import numpy as np
import pandas as pd
import pytest

from elmobench import FeatureStore, FrozenFeatures, batch_to_ids, load_provider
from elmobench.features.elmo.outputs import elmo_outputs
from elmobench.features.streaming import encode_stream

SPECS = ("random", "glove-mini", "elmo-random", "bert-mini")
SENTENCES = [["The", "cat", "sat", "on", "the", "mat"], [], ["dog"]]
WRONG = {
    "a string": "the bank",
    "strings": ["the bank"],
    "bytes": [[b"the"]],
    "numbers": [["the", 1]],
    "nothing as a token": [["the", None]],
    "nothing": None,
    "a mapping": {"the": ["bank"]},
    "a frame": pd.DataFrame({"the": [["bank"]]}),
}


@pytest.fixture(scope="module")
def providers():
    return {spec: load_provider(spec) for spec in SPECS}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("spec", SPECS)
def test_providers_refuse_what_is_not_tokens(providers, tmp_path, spec, wrong):
    provider, given = providers[spec], WRONG[wrong]
    store = FeatureStore(tmp_path)
    calls = [
        provider.encode,
        provider.encode_tokens,
        lambda x: list(encode_stream(provider, x)),
        lambda x: store.build(provider, x),
        batch_to_ids,
    ]
    for call in calls:
        with pytest.raises(TypeError, match=r"give a list of (tokens|sentences)"):
            call(given)
    assert not list(tmp_path.glob("*/*.safetensors"))


@pytest.mark.parametrize("spec", SPECS)
def test_words_are_not_a_string(providers, spec):
    with pytest.raises(TypeError, match="the words is a string"):
        providers[spec].encode_types("bank")


@pytest.mark.parametrize("spec", SPECS)
def test_arrays_series_and_generators_give_the_same_vectors(providers, spec):
    provider = providers[spec]
    expected = provider.encode(SENTENCES)
    for given in (
        (tokens for tokens in SENTENCES),
        ((token for token in tokens) for tokens in SENTENCES),
        [np.array(tokens, dtype=object) for tokens in SENTENCES],
        pd.Series(SENTENCES, index=[5, 5, 5]),
        [pd.Series(tokens, dtype=object) for tokens in SENTENCES],
    ):
        assert all(map(np.array_equal, provider.encode(given), expected))
    assert provider.encode(iter(())) == []
    assert provider.encode([[]])[0].shape == (provider.num_layers, 0, provider.dim)


@pytest.mark.parametrize("spec", SPECS)
def test_tokens_that_are_empty_or_cannot_be_written_have_vectors(providers, spec):
    (vectors,) = providers[spec].encode([["the", "", "\ud800", "\x00", "a b", "x" * 5000]])
    assert vectors.shape[1] == 6
    assert np.isfinite(vectors).all()


def test_outputs_take_texts_and_tokens_but_not_one_text(providers):
    elmo = providers["elmo-random"]
    assert elmo_outputs(elmo, iter(["a b", ["c"]]))["lengths"].tolist() == [2, 1]
    for wrong in ("a b", {"a": 1}, ["a", None], [["a", 1]]):
        with pytest.raises(TypeError, match="give a list"):
            elmo_outputs(elmo, wrong)


@pytest.mark.parametrize("spec", ["random", "elmo-random"])
def test_frozen_features_read_a_generator_once(spec):
    texts = ["The cat sat .", "", ["a", "dog"]]
    expected = FrozenFeatures(spec).fit_transform(texts)
    assert expected.any(axis=1).tolist() == [True, False, True]
    for given in (
        (text for text in texts),
        pd.Series(texts, index=[9, 9, 9]),
        np.array(texts, dtype=object),
    ):
        assert np.array_equal(FrozenFeatures(spec).fit_transform(given), expected)


@pytest.mark.parametrize(
    "wrong",
    [
        "one text",
        b"one text",
        {"text": ["a"]},
        pd.DataFrame({"text": ["a", "b"]}),
        np.array([["a"], ["b"]]),
        {"a"},  # of one element, whose name in the list of tests is the same in every process
        7,
        None,
        ["a", None],
        ["a", 3],
        ["a", float("nan")],
        ["a", b"b"],
        [["a", 1]],
        [{"a": 1}],
    ],
    ids=str,
)
def test_frozen_features_say_what_to_give(wrong):
    with pytest.raises(TypeError, match="give a list of texts"):
        FrozenFeatures("random").fit_transform(wrong)
