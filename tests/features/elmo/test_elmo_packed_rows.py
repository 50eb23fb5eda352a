"""Packed batches: every token once, at the right step, in a bounded number of rows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from elmobench.features.elmo.packed_rows import one_sentence_per_row, pack_sentences

LENGTHS = st.lists(st.integers(1, 30), min_size=1, max_size=25)


def _read_rows(packed, direction):
    """For each row, (positions it reads, steps at which a sentence begins), by brute force."""
    read = packed.reads[direction].tolist()
    rows = [([], []) for _ in range(packed.rows)]
    at = 0
    for step, size in enumerate(packed.batch_sizes):
        begun = [] if packed.starts[step] is None else packed.starts[step].tolist()
        for row in begun:
            rows[row][1].append(step)
        for row in range(size):
            rows[row][0].append(read[at])
            at += 1
    assert at == len(read)
    return rows


def _check(lengths, packed):
    ends = np.cumsum(lengths)
    spans = [list(range(e - n, e)) for n, e in zip(lengths, ends, strict=True)]
    assert list(packed.batch_sizes) == sorted(packed.batch_sizes, reverse=True)
    for direction in range(2):
        seen = []
        for row, (positions, begins) in enumerate(_read_rows(packed, direction)):
            # Split where sentences begin, each part is a complete sentence, read in one direction.
            assert begins[0] == 0
            for first, last in zip(begins, [*begins[1:], len(positions)], strict=True):
                piece = positions[first:last][:: 1 if direction == 0 else -1]
                sentence = spans.index(piece)
                assert packed.row_of_sentence[sentence] == row
                seen.append(sentence)
        assert sorted(seen) == list(range(len(lengths)))


@given(LENGTHS, st.integers(1, 12))
def test_every_sentence_is_read_once_from_either_end(lengths, rows):
    packed = pack_sentences(lengths, rows)
    assert packed.rows <= rows
    _check(lengths, packed)
    # No row exceeds an even division of all positions by more than one sentence.
    assert len(packed.batch_sizes) <= sum(lengths) / packed.rows + max(lengths)


@given(LENGTHS)
def test_one_sentence_per_row(lengths):
    packed = one_sentence_per_row(lengths)
    assert packed.rows == len(lengths)
    _check(lengths, packed)


@given(LENGTHS, st.integers(1, 12), st.integers(1, 60))
def test_chunks_cover_all_steps(lengths, rows, positions):
    packed = pack_sentences(lengths, rows)
    steps, end = [], 0
    for where, run in packed.chunks(positions):
        size = sum(packed.batch_sizes[step] for step in run)
        assert (where.start, where.stop) == (end, end + size)
        assert size <= positions or len(run) == 1
        end = where.stop
        steps += run
    assert steps == list(range(len(packed.batch_sizes)))
    assert end == sum(lengths)


def test_rows_have_nearly_equal_lengths():
    lengths = np.random.default_rng(0).integers(3, 40, 500).tolist()
    sizes = pack_sentences(lengths, 50).batch_sizes
    full = sum(size == 50 for size in sizes)
    assert full >= 0.95 * len(sizes)
