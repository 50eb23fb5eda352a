"""Python functions as models: their shapes, their version, and what is refused."""

import copy
from itertools import repeat

import numpy as np
import pytest
import torch
from store_providers import expected

from elmobench import FrozenFeatures, Model, SentenceModel, load_provider
from elmobench.core.errors import ConfigError, ModelError
from elmobench.features.functions import FunctionProvider

SENTENCES = [("The", "bank"), (), ("a", "long", "sentence"), ("The", "bank")]


def three_layers(sentences):
    return [expected(tuple(sentence)) for sentence in sentences]


def provider_of(function, **options):
    model = Model(function, **{"version": "1", **options})
    return load_provider("mine", {"mine": model})


@pytest.mark.parametrize("batch", [1, 2, 256])
def test_layers_of_a_function(batch):
    provider = provider_of(three_layers, batch=batch)
    assert (provider.num_layers, provider.dim, provider.contextual) == (3, 6, True)
    for sentence, found in zip(SENTENCES, provider.encode(SENTENCES), strict=True):
        assert np.array_equal(found, expected(sentence))


def test_one_layer_of_torch_and_of_lists():
    def of_torch(sentences):
        ones = [torch.full((len(s), 4), 2.0, requires_grad=True) for s in sentences]
        return [one.bfloat16() for one in ones]

    def of_lists(sentences):
        return [[[2, 2, 2, 2] for _ in sentence] for sentence in sentences]

    for function in (of_torch, of_lists):
        provider = provider_of(function, contextual=False)
        assert not provider.contextual
        (found,) = provider.encode([("a", "b")])
        assert found.dtype == np.float32
        assert np.array_equal(found, np.full((1, 2, 4), 2.0))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda s: [np.ones((len(x), 2)) for x in s[1:]], "returned 0 arrays for 1 sentences"),
        (lambda s: repeat(np.ones((4, 2))), "returned more than 1 arrays for 1 sentences"),
        (lambda s: [np.ones((len(x) + 1, 2)) for x in s], r"float64 and shape \(5, 2\) for a sen"),
        (lambda s: [np.ones(2) for x in s], r"shape \(2,\) for a sentence of 4 tokens: 'The river"),
        (lambda s: [["x"] * len(x) for x in s], "array of type <U1"),
        (lambda s: [[[1], [1, 2]] for x in s], "array of type object"),
        (lambda s: [np.full((len(x), 2), np.nan) for x in s], "not finite for 'The river bank .'"),
        (lambda s: None, "returned 'None'\n  -> return one array per sentence"),
        (lambda s: torch.tensor(1.0), r"returned 'tensor\(1.\)'"),
        (lambda s: [np.ones((len(x), 0)) for x in s], r"shape \(4, 0\) for a sentence of 4 tokens"),
        (lambda s: [np.ones((0, len(x), 2)) for x in s], r"shape \(0, 4, 2\) for a sentence of 4"),
    ],
)
def test_what_is_no_vectors(function, message):
    with pytest.raises(ModelError, match=f"features 'mine': .*{message}"):
        provider_of(function)


def test_every_sentence_is_checked():
    def narrow(sentences):
        return [np.ones((len(s), 4 if len(s) == 4 else 3)) for s in sentences]

    with pytest.raises(ModelError, match=r"\(2, 3\) for 'a b', and before 1 layer of 4 values"):
        provider_of(narrow).encode([("a", "b")])

    def damaged(sentences):
        return [np.full((len(s), 2), np.inf if "b" in s else 1.0) for s in sentences]

    with pytest.raises(ModelError, match="values that are not finite for 'a b'"):
        provider_of(damaged).encode([("a",), ("a", "b")])


def test_a_version_is_needed():
    for wrong in (None, "", 1):
        with pytest.raises(ConfigError, match="Model: a function needs a version: its vectors are"):
            Model(three_layers, version=wrong)
    with pytest.raises(ConfigError, match="models: mine: a function needs a version"):
        load_provider("mine", {"mine": three_layers})
    with pytest.raises(ConfigError, match="a int is not a function"):
        Model(3, version="1")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dim": 0}, "dim is 0"),
        ({"dim": "6"}, "dim is '6'"),
        ({"dim": 6, "layers": -1}, "layers is -1"),
        ({"layers": 2}, "layers without dim"),
        ({"batch": 0}, "batch is 0"),
        ({"batch": "2"}, "batch is '2'"),
    ],
)
def test_sizes_are_whole_numbers(options, message):
    with pytest.raises(ConfigError, match=f"Model: {message}\n  -> give"):
        Model(three_layers, version="1", **options)


def test_name_version_and_shape_are_the_identity():
    def renamed(sentences):
        return three_layers(sentences)

    first = provider_of(three_layers)
    assert provider_of(renamed).fingerprint == first.fingerprint
    others = [provider_of(three_layers, version="2"), provider_of(three_layers, contextual=False)]
    others.append(load_provider("other", {"other": Model(three_layers, version="1")}))
    others.append(provider_of(lambda s: [np.ones((len(x), 6)) for x in s]))
    assert len({first.fingerprint, *(one.fingerprint for one in others)}) == 5


def test_a_function_with_a_stated_shape_is_not_called_to_see():
    calls = []

    def only_mine(sentences):
        calls.append(sentences)
        return three_layers(sentences)

    provider = provider_of(only_mine, layers=3, dim=6)
    assert calls == []
    provider.encode([("a",)])
    assert calls == [[["a"]]]


def test_without_the_function_vectors_are_not_computed():
    entry = Model(three_layers, version="7").entry("mine")
    provider = load_provider("mine", {"mine": entry})
    assert isinstance(provider, FunctionProvider)
    with pytest.raises(ModelError, match=r"not known here\n  -> .*Model\(function, version='7'\)"):
        provider.encode([("a",)])


class Encoder:
    def encode(self, texts):
        return np.array([[len(text), text.count(" ")] for text in texts], dtype=np.float64)


@pytest.mark.parametrize("function", [Encoder(), Encoder().encode])
def test_a_vector_per_text(function):
    model = SentenceModel(function, version="1")
    provider = load_provider("mine", {"mine": model})
    assert provider.per_text
    found = provider.encode([("The", "bank"), (), ("x",)])
    assert [vectors.tolist() for vectors in found] == [[[[8, 1]]], [[[0, 0]]], [[[1, 0]]]]
    with pytest.raises(ModelError, match="returned more than 1 arrays for 1 texts"):
        load_provider("m", {"m": SentenceModel(lambda texts: np.ones((2, 3)), version="1")})


def test_scikit_learn_takes_functions(tmp_path):
    from sklearn.base import clone

    texts = ["a fine film", "dull"]
    for model, width in (
        (Model(three_layers, version="1"), 6),
        (SentenceModel(Encoder(), version="1"), 2),
    ):
        features = FrozenFeatures("mine", models={"mine": model})
        found = clone(features).fit_transform(texts)
        assert found.shape == (2, width)
        stored = FrozenFeatures("mine", models={"mine": model}, store=tmp_path, precision="fp32")
        assert np.array_equal(stored.fit_transform(texts), found)
        assert copy.deepcopy(model) is model
    assert np.array_equal(found, [[11, 2], [4, 0]])


@pytest.mark.parametrize("batch", [1, 256])
def test_a_function_may_use_its_memory_again(batch):
    memory = np.zeros((9, 2), dtype=np.float32)

    def filled(sentences):
        for sentence in sentences:
            memory[:] = len(sentence)
            yield memory[: len(sentence)]

    found = provider_of(filled, batch=batch).encode([("a", "b"), ("a",), ("a", "b", "c")])
    assert [vectors.ravel().tolist() for vectors in found] == [[2.0] * 4, [1.0] * 2, [3.0] * 6]


def test_torch_types_that_numpy_lacks():
    def sparse(sentences):
        return [torch.ones(len(s), 2).to_sparse() for s in sentences]

    def narrow(sentences):
        return [torch.ones(len(s), 2).to(torch.float8_e4m3fn) for s in sentences]

    for function in (sparse, narrow):
        assert np.array_equal(provider_of(function).encode([("a",)])[0], np.ones((1, 1, 2)))
