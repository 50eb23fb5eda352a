"""The scikit-learn transformer: pooling, layers, concatenated parts, the store and errors."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone

from elmobench import FrozenFeatures, load_provider
from elmobench.core.errors import ConfigError

TEXTS = ["The cat sat .", "", "A dog barked loudly ."]


def _vectors(name: str, text: str) -> np.ndarray:
    return load_provider(name).encode([text.split()])[0]


@pytest.mark.parametrize("pooling", ["mean", "max", "min", "sum"])
def test_pooled_average_of_the_layers(pooling):
    pooled = FrozenFeatures("elmo-random", pooling=pooling).fit_transform(TEXTS)
    assert pooled.dtype == np.float32
    assert not pooled[1].any()
    for row, text in zip(pooled, TEXTS, strict=True):
        if text:
            exact = getattr(_vectors("elmo-random", text).mean(axis=0), pooling)(axis=0)
            assert row == pytest.approx(exact, abs=1e-5)


def test_first_and_last_token_of_one_layer():
    top = _vectors("elmo-random", TEXTS[0])[2]
    for pooling, token in (("first", 0), ("last", -1)):
        for features in (
            FrozenFeatures("elmo-random@layer=2", pooling=pooling),
            FrozenFeatures("elmo-random", pooling=pooling, layer=2),
        ):
            assert features.transform(TEXTS)[0] == pytest.approx(top[token], abs=1e-5)


def test_parts_and_layers_are_concatenated():
    features = FrozenFeatures("random+elmo-random", layer="concat", normalize="l2")
    pooled = features.fit_transform(TEXTS)
    names = features.get_feature_names_out()
    assert pooled.shape == (3, 128 + 3 * 128) == (3, len(names))
    assert names[[0, 128]].tolist() == ["random_0", "elmo-random_char_cnn_0"]
    assert np.linalg.norm(pooled[0, :128]) == pytest.approx(1)
    assert np.linalg.norm(pooled[0, 128:]) == pytest.approx(1)


def test_stored_pickled_and_cloned_features_give_the_same_vectors(tmp_path):
    features = FrozenFeatures("elmo-random", store=tmp_path)
    pooled = features.fit_transform(TEXTS)
    assert list(tmp_path.glob("*/*.safetensors"))
    unpickled = pickle.loads(pickle.dumps(features))  # noqa: S301  (written one line before)
    for other in (features, unpickled, clone(features)):
        assert np.array_equal(other.transform(TEXTS), pooled)
    assert FrozenFeatures("elmo-random").transform(TEXTS) == pytest.approx(pooled, abs=1e-5)


@pytest.mark.parametrize(
    ("spec", "arguments", "message"),
    [
        ("random(trainable)", {}, "applies to a task's head"),
        ("random@mix=last", {}, "'mix' applies to a task's head"),
        ("elmo-random@layer=x", {}, "@layer=x is not a number"),
        ("elmo-random@layer=1", {"layer": 2}, "the layer is given twice"),
        ("elmo-random@layer=3", {}, "there is no layer 3"),
        ("elmo-random", {"layer": "top"}, "unknown layer 'top'"),
        ("elmo-random@state=carry", {}, "depend on what was encoded before"),
        ("random", {"pooling": "median"}, "unknown pooling 'median'"),
        ("random", {"normalize": "l1"}, "unknown normalize 'l1'"),
        ("random", {"tokenizer": "bytes"}, "unknown tokenizer 'bytes'"),
    ],
)
def test_wrong_parameters(spec, arguments, message):
    with pytest.raises(ConfigError, match=message):
        FrozenFeatures(spec, **arguments).fit(TEXTS)


@pytest.mark.parametrize("texts", ["one string", 3, [["a", 1]], [None]])
def test_wrong_texts(texts):
    with pytest.raises(TypeError):
        FrozenFeatures("random").transform(texts)
