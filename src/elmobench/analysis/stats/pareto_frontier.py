"""What nothing else beats at the same cost or less."""

from __future__ import annotations

from collections.abc import Iterable


def frontier(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points (cost, quality) that no other dominates, by rising cost.

    A point dominates another that costs as much or more and is not better, if they differ.
    """
    best: list[tuple[float, float]] = []
    for cost, quality in sorted(points, key=lambda point: (point[0], -point[1])):
        if not best or quality > best[-1][1]:
            best.append((cost, quality))
    return best
