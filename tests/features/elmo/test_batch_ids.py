"""Character ids of batches, against the published rule."""

import pytest
import torch
from elmo_reference import reference_ids
from hypothesis import given
from hypothesis import strategies as st

from elmobench import batch_to_ids

tokens = st.text(st.characters(codec=None), max_size=60) | st.sampled_from(["<S>", "</S>", ""])


@given(st.lists(st.lists(tokens, max_size=4), max_size=4))
def test_batch_to_ids_follows_the_published_rule(batch):
    ids = batch_to_ids(batch)
    longest = max(map(len, batch), default=0)
    assert ids.shape == (len(batch), longest, 50)
    assert ids.dtype == torch.int64
    for sentence, rows in zip(batch, ids.tolist(), strict=True):
        expected = [reference_ids(token) for token in sentence]
        assert rows == expected + [[0] * 50] * (longest - len(sentence))


def test_batch_to_ids_of_a_known_word():
    ids = batch_to_ids([["Hello"], ["a", "b"]])
    assert ids[0, 0].tolist() == [259, 73, 102, 109, 109, 112, 260] + [261] * 43
    assert ids[0, 1].tolist() == [0] * 50
    with pytest.raises(TypeError, match="sentence 0 is a string"):
        batch_to_ids(["Hello"])
