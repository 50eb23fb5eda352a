"""The text of an epoch, laid out for truncated back-propagation with carried state."""

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
    """What each row reads: sentences with their begin and end, one after another.

    Attributes:
        forward: (B, L + 1) int32 type ids.
        backward: (B, L + 1): the same sentences in the same order, each one reversed.
    """

    forward: NDArray[np.int32]
    backward: NDArray[np.int32]

    def steps(self, unroll: int) -> int:
        """How many stretches of ``unroll`` tokens there are."""
        return int(self.forward.shape[1] - 1) // unroll

    def stretch(
        self, step: int, unroll: int
    ) -> tuple[tuple[NDArray[np.int32], NDArray[np.int32]], ...]:
        """For each direction (T, B) inputs and (T, B) next words of stretch ``step``."""
        start = step * unroll
        return tuple(
            (text[:, start : start + unroll].T, text[:, start + 1 : start + unroll + 1].T)
            for text in (self.forward, self.backward)
        )


def lay_out(part: EncodedPart, rows: int, rng: np.random.Generator | None = None) -> EpochText:
    """Share the sentences out to ``rows`` of equal length.

    Args:
        part: the sentences.
        rows: B.
        rng: draws their order, as bilm-tf's shuffled shards do; None for the corpus's own.

    Raises:
        DataError: if there is too little text for so many rows.
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
    # Some sentences at a time: the places of all tokens would take many times their memory.
    for first in range(0, len(order), _SENTENCES):
        some = slice(first, first + _SENTENCES)
        starts, sizes, stops = part.offsets[order[some]], lengths[some], ends[some]
        begins = stops - sizes - 2
        within = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        tokens = part.tokens[np.repeat(starts, sizes) + within]
        forward[begins], forward[stops - 1] = _BEGIN, _END
        backward[begins], backward[stops - 1] = _END, _BEGIN
        forward[np.repeat(begins, sizes) + 1 + within] = tokens
        backward[np.repeat(stops, sizes) - 2 - within] = tokens
    cut = rows * length
    return EpochText(forward[:cut].reshape(rows, length), backward[:cut].reshape(rows, length))
