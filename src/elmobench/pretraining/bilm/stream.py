"""The text of an epoch in rows, for truncated back-propagation with carried state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elmobench.core.errors import DataError
from elmobench.pretraining.encoded import EncodedPart

_BEGIN, _END = 0, 1
_SENTENCES = 1 << 15


@dataclass(frozen=True)
class EpochText:
    """Rows of text: sentences with begin and end markers, one after another.

    Attributes:
        forward: (B, L + 1) int32 type ids.
        backward: (B, L + 1) int32: the same sentences in the same order, each one reversed.
    """

    forward: NDArray[np.int32]
    backward: NDArray[np.int32]

    def steps(self, unroll: int) -> int:
        """Number of complete windows of ``unroll`` tokens."""
        return int(self.forward.shape[1] - 1) // unroll

    def window(
        self, step: int, unroll: int
    ) -> tuple[tuple[NDArray[np.int32], NDArray[np.int32]], ...]:
        """For each direction (T, B) inputs and (T, B) next words of window ``step``, where T is
        ``unroll``."""
        start = step * unroll
        return tuple(
            (text[:, start : start + unroll].T, text[:, start + 1 : start + unroll + 1].T)
            for text in (self.forward, self.backward)
        )


def batch_epoch(part: EncodedPart, rows: int, rng: np.random.Generator | None = None) -> EpochText:
    """Concatenate the sentences and cut them into ``rows`` rows of equal length.

    Args:
        part: the sentences.
        rows: B.
        rng: draws the order of the sentences, like bilm-tf's shuffled shards; None keeps the
            order of the corpus.

    Raises:
        DataError: if there is too little text for this number of rows.
    """
    order = np.arange(len(part)) if rng is None else rng.permutation(len(part))
    lengths = np.diff(part.offsets)[order]
    ends = np.cumsum(lengths + 2)
    length = int(ends[-1]) // rows
    if length < 2:
        raise DataError(
            f"{int(ends[-1])} tokens are too few for {rows} rows",
            fix="give more text, or a smaller batch_size",
        )
    forward = np.empty(int(ends[-1]), dtype=np.int32)
    backward = np.empty_like(forward)
    # In blocks of sentences: index arrays of all tokens would take many times their memory.
    for first in range(0, len(order), _SENTENCES):
        block = slice(first, first + _SENTENCES)
        starts, sizes, stops = part.offsets[order[block]], lengths[block], ends[block]
        begins = stops - sizes - 2
        within = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        tokens = part.tokens[np.repeat(starts, sizes) + within]
        forward[begins], forward[stops - 1] = _BEGIN, _END
        backward[begins], backward[stops - 1] = _END, _BEGIN
        forward[np.repeat(begins, sizes) + 1 + within] = tokens
        backward[np.repeat(stops, sizes) - 2 - within] = tokens
    cut = rows * length
    return EpochText(forward[:cut].reshape(rows, length), backward[:cut].reshape(rows, length))
