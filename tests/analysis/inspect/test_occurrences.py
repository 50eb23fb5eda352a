"""Occurrences, cosines and nearest neighbours against plain loops in float64."""

import math
from functools import cache

import numpy as np
import pytest

from elmobench.analysis.inspect.neighbours import NeighbourSearch
from elmobench.analysis.inspect.occurrences import (
    Occurrence,
    cosine_matrix,
    find_occurrences,
    layer_views,
)
from elmobench.core.errors import DataError
from elmobench.features.catalog.catalog import load_provider
from elmobench.features.static.random_vectors import RandomStaticProvider
from elmobench.features.store.feature_store import FeatureStore

OPTIONS = {"projection_dim": 3, "dim": 8, "char_dim": 4, "filters": [[1, 4], [2, 4]]}
MODELS = {"tiny": {"provider": "elmo-random", "options": OPTIONS}}
PROVIDER = load_provider("tiny", MODELS)


@cache
def expected(sentence):
    return PROVIDER.encode([sentence])[0]


def corpus(count):
    rng = np.random.default_rng(0)
    words = ["the", "The", "", "naïve", "日本", *(f"w{i}" for i in range(30))]
    found = [tuple(words[i] for i in rng.integers(0, 35, n)) for n in rng.integers(1, 12, count)]
    return list(dict.fromkeys([*found, ()]))


def cosine(a, b):
    a, b = [float(x) for x in a], [float(x) for x in b]
    top = sum(x * y for x, y in zip(a, b, strict=True))
    lengths = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in b))
    return top / lengths if lengths else float("nan")


def test_occurrences_match_the_spelling_before_other_cases():
    sentences = [("a", "Bank", "or", "bank"), ("BANK", "bAnk"), ("bank",)]
    found = find_occurrences("bank", sentences)
    assert [(o.number, o.position, o.token) for o in found] == [
        (0, 3, "bank"),
        (1, 0, "BANK"),
        (1, 1, "bAnk"),
        (2, 0, "bank"),
    ]


def test_an_absent_word_is_an_error_with_near_words():
    with pytest.raises(DataError, match=r"sentence 2: .*'bank'[\s\S]*did you mean 'banks'"):
        find_occurrences("bank", [("bank",), ("the", "banks", "close")])


def test_cosines_and_norms_of_every_layer():
    sentences = [("w1", "a", "w1"), ("b", "w1")]
    occurrences = find_occurrences("w1", sentences)
    views = layer_views(PROVIDER, occurrences)
    assert [(v.number, v.name, v.by_spelling) for v in views] == [
        (0, "char_cnn", True),
        (1, "lstm_1", False),
        (2, "lstm_2", False),
    ]
    for view in views:
        vectors = [expected(o.sentence)[view.number, o.position] for o in occurrences]
        for i in range(3):
            assert view.norms[i] == pytest.approx(math.dist(vectors[i], [0] * 6), rel=1e-6)
            for j in range(3):
                exact = cosine(vectors[i], vectors[j])
                assert view.cosines[i, j] == pytest.approx(exact, abs=1e-6)
    assert np.allclose(views[0].cosines, 1)
    assert [v.number for v in layer_views(PROVIDER, occurrences, layer=2)] == [2]


def test_a_zero_vector_has_no_cosine():
    found = cosine_matrix(np.asarray([[1, 0], [0, 0], [2, 0]], dtype=np.float32))
    assert np.isnan(found[1]).all()
    assert np.isnan(found[:, 1]).all()
    assert found[0, 2] == 1


SENTENCES = corpus(40)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    store = FeatureStore(tmp_path_factory.mktemp("store"), "fp32", shard_bytes=1500)
    store.build(PROVIDER, SENTENCES)
    return store.open(PROVIDER)


def brute_force(query, layer, k, word=None):
    rows, seen = [], {}
    for i, sentence in enumerate(SENTENCES):
        vectors = expected(sentence)
        for t, token in enumerate(sentence):
            if word is not None and token.casefold() != word.casefold():
                continue
            seen[token] = seen.get(token, 0) + 1
            if layer == 0 and seen[token] > 1:
                continue
            rows.append((-round(cosine(query, vectors[layer, t]), 6), i, t, token))
    return [(c, i, t, seen[w] if layer == 0 else 1) for c, i, t, w in sorted(rows)[:k]]


@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize("word", [None, "the"])
@pytest.mark.parametrize("chunk_values", [1, 6 * 40])
def test_nearest_equals_brute_force(stored, layer, word, chunk_values):
    rng = np.random.default_rng(layer)
    queries = rng.normal(size=(3, 6)).astype(np.float32)
    queries[1] = 0
    search = NeighbourSearch(stored, SENTENCES, word, chunk_values)
    found = search.nearest(queries, layer, 7)
    assert found[1] == []
    for q in (0, 2):
        wanted = brute_force(queries[q], layer, 7, word)
        assert len(found[q]) == len(wanted) > 0
        for neighbour, (minus, i, t, count) in zip(found[q], wanted, strict=True):
            assert neighbour.sentence == SENTENCES[i]
            assert (neighbour.position, neighbour.count) == (t, count)
            assert neighbour.cosine == pytest.approx(-minus, abs=2e-6)


def test_only_a_chunk_is_gathered_at_a_time(stored, monkeypatch):
    search = NeighbourSearch(stored, SENTENCES, None, chunk_values=6 * 30)
    sizes, real = [], search._view.gather

    def gather(*arguments):
        sizes.append(real(*arguments))
        return sizes[-1]

    monkeypatch.setattr(search._view, "gather", gather)
    search.nearest(np.ones((1, 6), dtype=np.float32), 1, 3)
    assert max(array.size for array in sizes) <= 6 * 30
    assert sum(len(array) for array in sizes) >= len(SENTENCES) - 1


def test_zero_vectors_are_no_neighbours(tmp_path):
    class Zeros(RandomStaticProvider):
        def encode_types(self, words):
            (vectors,) = super().encode_types(words)
            vectors[[word == "a" for word in words]] = 0
            return [vectors]

    store, provider = FeatureStore(tmp_path, "fp32"), Zeros(dim=4)
    store.build(provider, [("a", "b"), ("c", "a")])
    search = NeighbourSearch(store.open(provider), [("a", "b"), ("c", "a")])
    (found,) = search.nearest(np.ones((1, 4), dtype=np.float32), 0, 5)
    assert {n.sentence[n.position] for n in found} == {"b", "c"}


def test_a_word_without_occurrences_has_no_neighbours(stored):
    search = NeighbourSearch(stored, SENTENCES, "nowhere")
    assert search.nearest(np.ones((1, 6), dtype=np.float32), 1, 5) == [[]]


def test_the_token_of_an_occurrence():
    assert Occurrence(("a", "b"), 0, 1).token == "b"
