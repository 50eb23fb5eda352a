"""Windows: every word complete, every piece in order, furthest from an edge."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elmobench.features.transformer.encoding import pool
from elmobench.features.transformer.windows import plan_windows


@st.composite
def texts(draw):
    room = draw(st.integers(1, 12))
    stride = draw(st.integers(1, room))
    counts = draw(st.lists(st.integers(1, room), max_size=40))
    return np.array(counts, dtype=np.int64), room, stride


@given(texts())
def test_each_word_is_complete_once_and_furthest_from_an_edge(text):
    counts, room, stride = text
    windows = plan_windows(counts, room, stride)
    begins = np.cumsum(counts) - counts
    pieces = [(t, k) for t, count in enumerate(counts) for k in range(count)]
    owned, covered = [], []
    for window in windows:
        assert window.first <= window.own_first <= window.own_stop <= window.stop
        inside = [piece for piece in pieces if window.first <= piece[0] < window.stop]
        assert 0 < len(inside) <= room
        covered += [piece for piece in inside if piece not in covered]
        owned += range(window.own_first, window.own_stop)
    assert covered == pieces
    assert owned == list(range(len(counts)))

    def distance(t, window):
        before = begins[t] - begins[window.first]
        behind = counts[: window.stop].sum() - begins[t] - counts[t]
        return min(before, behind)

    for window in windows:
        for t in range(window.own_first, window.own_stop):
            others = [w for w in windows if w.first <= t < w.stop]
            assert distance(t, window) == max(distance(t, w) for w in others)


@given(texts())
def test_windows_move_by_the_stride_unless_words_force_them(text):
    counts, room, stride = text
    counts = np.ones_like(counts)
    windows = plan_windows(counts, room, stride)
    assert [w.first for w in windows] == [i * stride for i in range(len(windows))]
    assert all(w.stop - w.first == room for w in windows[:-1])
    if len(windows) > 1:
        assert windows[-2].stop < len(counts) == windows[-1].stop


def test_a_text_that_fits_is_one_window():
    (window,) = plan_windows(np.array([3, 2, 5]), 10, 5)
    assert (window.first, window.stop, window.own_first, window.own_stop) == (0, 3, 0, 3)
    assert plan_windows(np.array([], dtype=np.int64), 10, 5) == []


@pytest.mark.parametrize("pooling", ["mean", "first", "last"])
@given(st.lists(st.integers(1, 6), max_size=12), st.integers(0, 3))
def test_pooling_against_a_loop(pooling, counts, gap):
    rng = np.random.default_rng(len(counts))
    begins = np.cumsum([0, *(c + gap for c in counts)])[:-1] + gap
    flat = rng.normal(size=(int(sum(counts) + gap * (len(counts) + 1)), 4)).astype(np.float32)
    before = flat.copy()
    found = pool(flat, begins.astype(np.int64), np.array(counts, dtype=np.int64), pooling)
    rule = {"mean": lambda x: x.mean(0), "first": lambda x: x[0], "last": lambda x: x[-1]}[pooling]
    expected = [
        rule(flat[b : b + c].astype(np.float64)) for b, c in zip(begins, counts, strict=True)
    ]
    assert found.shape == (len(counts), 4)
    assert np.allclose(found, np.reshape(expected, (-1, 4)), atol=1e-6)
    assert np.array_equal(flat, before)
