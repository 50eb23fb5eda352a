import numpy as np
from elmo_reference import reference_ids
from hypothesis import given
from hypothesis import strategies as st

from elmobench.features.elmo.characters import character_ids

tokens = st.text(st.characters(codec=None), max_size=70) | st.sampled_from(
    ["<S>", "</S>", "", "<s>"]
)


@given(st.lists(tokens, max_size=8))
def test_ids_follow_the_published_rule(words):
    ids, sizes = character_ids(words)
    assert ids.shape == (len(words), 50)
    for word, row, size in zip(words, ids.tolist(), sizes.tolist(), strict=True):
        expected = reference_ids(word)
        assert row == expected
        assert all(i == 261 for i in expected[size:])
        assert size == 50 or expected[size - 1] == 260


def test_known_rows():
    ids, sizes = character_ids(["", "<S>", "</S>", "a\ud800b", "é" * 30])
    assert ids[0].tolist() == [259, 260] + [261] * 48
    assert ids[1].tolist()[:4] == [259, 257, 260, 261]
    assert ids[2].tolist()[:4] == [259, 258, 260, 261]
    assert ids[3].tolist()[:5] == [259, ord("a") + 1, ord("b") + 1, 260, 261]
    # 60 bytes are cut at 48.
    assert ids[4].tolist() == [259, *[0xC3 + 1, 0xA9 + 1] * 24, 260]
    assert sizes.tolist() == [2, 3, 3, 4, 50]


def test_a_character_may_be_cut_in_its_middle():
    ids, _ = character_ids(["a" + "é" * 30])
    assert ids[0, 48] == 0xC3 + 1
    assert ids[0, 49] == 260
    assert np.all(ids > 0)
