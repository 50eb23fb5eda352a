"""Divide a text that is longer than a model's input into overlapping windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Window:
    """Consecutive whole words that are encoded as one sequence.

    Attributes:
        first, stop: its words ``[first, stop)``.
        own_first, own_stop: the consecutive words whose vectors are taken from this window.
    """

    first: int
    stop: int
    own_first: int
    own_stop: int


def plan_windows(counts: IntArray, room: int, stride: int) -> list[Window]:
    """Plan windows so that every word is complete in a window and assigned to exactly one.

    A window takes as many words as fit. The next window begins at the first word that is at least
    ``stride`` pieces after the beginning of the window; earlier if there would be a gap, later if
    the next word would not fit. A word is assigned to the window in which it is furthest from an
    edge: the one that maximises the minimum of the pieces before and after it (the first of
    equals).

    Args:
        counts: number of pieces of each word, all between 1 and ``room``.
        room: number of pieces that fit into a window.
        stride: pieces between the beginnings of successive windows, between 1 and ``room``.
    """
    edges = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    total = len(counts)
    spans: list[tuple[int, int]] = []
    first = 0
    while first < total:
        stop = int(np.searchsorted(edges, edges[first] + room, side="right")) - 1
        spans.append((first, stop))
        if stop == total:
            break
        strided = int(np.searchsorted(edges, edges[first] + stride))
        # The word that did not fit must be in the next window.
        fitting = int(np.searchsorted(edges, edges[stop + 1] - room))
        first = max(min(strided, stop), fitting)
    best = np.full(total, -1, dtype=np.int64)
    owner = np.zeros(total, dtype=np.int64)
    for number, (first, stop) in enumerate(spans):
        before = edges[first:stop] - edges[first]
        after = edges[stop] - edges[first + 1 : stop + 1]
        distance = np.minimum(before, after)
        closer = distance > best[first:stop]
        best[first:stop][closer] = distance[closer]
        owner[first:stop][closer] = number
    # Beginnings and ends are ascending, hence also the windows of successive words.
    bounds = np.searchsorted(owner, np.arange(len(spans) + 1))
    return [
        Window(first, stop, int(bounds[number]), int(bounds[number + 1]))
        for number, (first, stop) in enumerate(spans)
    ]
