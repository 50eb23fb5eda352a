"""The warning for vectors that almost no word of a text has."""

import warnings

import numpy as np
import pytest

from elmobench import FeatureStore, FrozenFeatures
from elmobench.core.errors import ElmobenchWarning
from elmobench.features.coverage import low_coverage
from elmobench.features.static.provider import StaticProvider
from elmobench.features.streaming import encode_stream

FOREIGN = [["der", "Hund", "sitzt", "auf", "der", "Matte"]] * 5
MESSAGE = r"0 of 30 tokens have a vector; 'der', 'Hund', 'sitzt' have none"


@pytest.fixture
def vectors(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("the 1 2\ncat 3 4\ndog 5 6\n")
    return path


@pytest.mark.parametrize("unknown", ["zero", "mean", "random"])
def test_a_text_of_another_language_is_warned_about(vectors, unknown):
    provider = StaticProvider.from_file(vectors, name="v", unknown=unknown)
    with pytest.warns(ElmobenchWarning, match="features 'v': 0 of 30 tokens have a vector"):
        provider.encode(FOREIGN)
    with pytest.warns(ElmobenchWarning, match="0 of 30") as caught:
        list(encode_stream(provider, FOREIGN, values=12))  # several calls, one warning
    assert len(caught) == 1
    with pytest.warns(ElmobenchWarning, match=r"'v' has vectors for only 0\.0 % of the tokens"):
        provider.warn_uncovered(FOREIGN)


def test_frozen_features_warn_with_and_without_a_store(vectors, tmp_path):
    spec = f"static:{vectors}"
    for store in (None, tmp_path / "store", tmp_path / "store"):
        with pytest.warns(ElmobenchWarning, match=MESSAGE):
            FrozenFeatures(spec, store=store).transform(FOREIGN)
    assert FeatureStore(tmp_path / "store").stat()[0].types == 5


def test_other_texts_are_not(vectors):
    provider = StaticProvider.from_file(vectors)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        provider.encode([["the", *["x"] * 19]])  # one of 20 tokens
        provider.encode([["x", "y", "z"]])  # too few to say anything
        provider.encode([])
        provider.warn_uncovered([["The", "DOG", "x", "y", "z"]])


def test_the_share_of_a_record_is_the_limit():
    shares = {"a": {"tokens": 0.049}, "b": {"tokens": 0.05}, "c": {"tokens": 0.0}}
    assert [note.split()[0] for note in low_coverage(shares)] == ["'a'", "'c'"]


def test_vectors_of_a_model_that_are_all_zero_count_as_none(vectors):
    vectors.write_text("the 0 0\ncat 0 0\n")
    with pytest.warns(ElmobenchWarning) as caught:
        found = StaticProvider.from_file(vectors).encode([["the", "cat"] * 3])
    assert not np.concatenate(found, axis=1).any()
    texts = " ".join(str(warning.message) for warning in caught)
    assert "every vector is zero" in texts
    assert "0 of 6 tokens" in texts
