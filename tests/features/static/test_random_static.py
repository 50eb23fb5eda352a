import hashlib
import struct

import numpy as np
import pytest

from elmobench.core.errors import ConfigError
from elmobench.features.static.random_vectors import FACTORY, RandomStaticProvider, hashed_vectors


def test_golden_values():
    provider = RandomStaticProvider()
    found = provider.encode_types(["bank", "Zürich"])[0]
    expected = [[-0.169159, 0.426406, 0.963, -0.285688], [0.48101, 1.276401, -1.180759, -1.356472]]
    assert np.abs(found[:, :4] - expected).max() < 1e-5
    assert provider.fingerprint == (
        "6af277777efdb6d92e2b4a26677356828c0eaaea37348553cd2a044764b71647"
    )


def test_values_follow_the_documented_recipe():
    raw = hashlib.shake_128(b"elmobench-random/5/" + "né".encode()).digest(12)
    expected = [((u >> 8) / 2**24 * 2 - 1) * 3**0.5 for u in struct.unpack("<3I", raw)]
    assert hashed_vectors(["né"], 3, 5)[0] == pytest.approx(expected, abs=1e-6)


def test_order_batch_and_repetitions_do_not_matter():
    provider = RandomStaticProvider(dim=9, seed=4)
    words = ["a", "b", "", "\ud800", "a"]
    rows = provider.encode_types(words)[0]
    assert np.array_equal(rows[::-1], provider.encode_types(words[::-1])[0])
    assert np.array_equal(rows[0], rows[4])
    assert len(np.unique(rows, axis=0)) == 4
    encoded = provider.encode([["b", "a"], []])
    assert [x.shape for x in encoded] == [(1, 2, 9), (1, 0, 9)]
    assert np.array_equal(encoded[0][0], rows[[1, 0]])


def test_values_look_standardised():
    values = hashed_vectors([f"w{i}" for i in range(500)], 64, 0)
    assert abs(values.mean()) < 0.02
    assert values.var() == pytest.approx(1, abs=0.02)
    assert np.abs(np.corrcoef(values.T)[np.triu_indices(64, 1)]).max() < 0.25


def test_factory():
    base = FACTORY.load("random", {}, {})
    assert base.dim == 128
    assert base.coverage(["x"]) is None
    prints = {
        base.fingerprint,
        FACTORY.load("random", {}, {"seed": "2"}).fingerprint,
        FACTORY.load("random", {}, {"dim": 64}).fingerprint,
    }
    assert len(prints) == 3
    with pytest.raises(ConfigError, match="size"):
        FACTORY.load("random", {}, {"size": 3})
