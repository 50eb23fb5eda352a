from dataclasses import replace

import numpy as np
import pytest
from elmo_reference import Reference, write_model
from hypothesis import given
from hypothesis import strategies as st

from elmobench import load_provider
from elmobench.features.elmo.char_cnn import _blocks
from elmobench.features.elmo.provider import ElmoProvider
from elmobench.features.frozen_linear import FrozenLinear


@given(st.integers(0, 5000), st.integers(0, 9).map(lambda power: 1 << power))
def test_blocks_cover_the_rows_in_sizes_that_are_powers_of_two(count, most):
    blocks = list(_blocks(count, most))
    assert [row for block in blocks for row in range(block.start, block.stop)] == list(range(count))
    assert all((block.stop - block.start) in {1 << k for k in range(10)} for block in blocks)
    assert all(block.stop - block.start <= most for block in blocks)


def test_the_character_cnn_makes_products_of_few_shapes_and_the_same_vectors(monkeypatch):
    # oneDNN keeps compiled code for every shape of a product: with shapes that depend on the
    # number of words of each length, the memory of `encode` grew with the number of sentences.
    provider = load_provider("elmo-mini")
    shapes = set()
    plain = FrozenLinear.__call__

    def noted(self, x):
        shapes.add((*x.shape, self.out_features))
        return plain(self, x)

    monkeypatch.setattr(FrozenLinear, "__call__", noted)
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("abcdef"), size)) for size in rng.integers(1, 25, 3000)]
    by_call = []
    for count in (3000, 1777, 901, 333, 64, 7):
        by_call.append(provider.encode_types(words[:count])[0])
    rows = {shape[0] for shape in shapes}
    assert rows <= {1 << power for power in range(13)}
    assert all(len(shape) == 3 for shape in shapes)
    # Five widths of filters, the two of the highway and the projection: at most 13 numbers of rows.
    assert len(shapes) <= 7 * 13
    for vectors in by_call[1:]:
        np.testing.assert_allclose(vectors, by_call[0][: len(vectors)], rtol=0, atol=5e-6)


@pytest.mark.parametrize("count", [1, 2, 127, 129])
def test_vectors_of_words_do_not_depend_on_how_many_there_are(count):
    provider = load_provider("elmo-mini")
    words = [f"w{i}" for i in range(count)]
    together = provider.encode_types(words)[0]
    alone = np.concatenate([provider.encode_types([word])[0] for word in words[:5]])
    np.testing.assert_allclose(together[:5], alone, rtol=0, atol=5e-6)


@pytest.mark.slow
def test_groups_of_words_give_the_vectors_of_the_reference(tmp_path):
    # Groups may differ in the last bits (PyTorch's sigmoid at the end of an array), and no more.
    files = write_model(tmp_path)
    words = [f"w{i}" for i in range(300)]
    exact = np.stack([Reference(*files).type_vector(word) for word in words])
    provider = ElmoProvider.from_files(*files)
    for size in (300, 100, 7):
        groups = [words[i : i + size] for i in range(0, len(words), size)]
        vectors = np.concatenate([provider.encode_types(group)[0] for group in groups])
        np.testing.assert_allclose(vectors, exact[:, : vectors.shape[1]], rtol=0, atol=5e-6)


def test_no_words_give_no_vectors(tmp_path):
    cnn = ElmoProvider.from_files(*write_model(tmp_path))._network.char_cnn
    for network, width in ((cnn, 5), (replace(cnn, projection=None), 18)):
        assert network([]).shape == (0, width)
        assert network(["a"]).shape == (1, width)
