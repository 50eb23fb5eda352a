"""Rows of sentences that are packed step by step, without padding."""

from __future__ import annotations

from collections.abc import Sequence


def step_slices(sizes: Sequence[int]) -> list[tuple[slice, int]]:
    """Return the packed rows of each step, and how many they are.

    >>> step_slices([3, 2])
    [(slice(0, 3, None), 3), (slice(3, 5, None), 2)]

    Args:
        sizes: number of sentences at each step.
    """
    steps, start = [], 0
    for size in sizes:
        steps.append((slice(start, start + size), size))
        start += size
    return steps
