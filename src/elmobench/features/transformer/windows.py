"""Overlapping windows over a text that is longer than what a model reads at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Window:
    """A run of whole words that is encoded as one sequence.

    Attributes:
        first, stop: its words ``[first, stop)``.
        own_first, own_stop: those of its words whose vectors are taken from it, a run as well.
    """

    first: int
    stop: int
    own_first: int
    own_stop: int


def plan_windows(counts: IntArray, room: int, stride: int) -> list[Window]:
    """Windows such that every word stands whole in one of them, and belongs to exactly one.

    A window takes as many words as fit. The next one begins at the first word that stands
    ``stride`` pieces or more behind its beginning; earlier where a gap follows, later where the
    next word would not fit. A word belongs to the window in which it stands furthest from an
    edge: the smaller of the pieces before and behind it is largest (of equals, the first).

    Args:
        counts: pieces of each word, all between 1 and ``room``.
        room: pieces that fit into a window.
        stride: pieces from one window's beginning to the next, between 1 and ``room``.
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
        # The word that did not fit must stand in the next window.
        fitting = int(np.searchsorted(edges, edges[stop + 1] - room))
        first = max(min(strided, stop), fitting)
    best = np.full(total, -1, dtype=np.int64)
    owner = np.zeros(total, dtype=np.int64)
    for number, (first, stop) in enumerate(spans):
        before = edges[first:stop] - edges[first]
        behind = edges[stop] - edges[first + 1 : stop + 1]
        distance = np.minimum(before, behind)
        closer = distance > best[first:stop]
        best[first:stop][closer] = distance[closer]
        owner[first:stop][closer] = number
    # Beginnings and ends ascend, so the owners of successive words do too.
    bounds = np.searchsorted(owner, np.arange(len(spans) + 1))
    return [
        Window(first, stop, int(bounds[number]), int(bounds[number + 1]))
        for number, (first, stop) in enumerate(spans)
    ]
