"""The Pareto frontier of quality against cost."""

from __future__ import annotations

from collections.abc import Iterable


def pareto_frontier(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points (cost, quality) that no other point dominates, by rising cost.

    A point dominates a different one that costs as much or more and is not better.
    """
    frontier: list[tuple[float, float]] = []
    for cost, quality in sorted(points, key=lambda point: (point[0], -point[1])):
        if not frontier or quality > frontier[-1][1]:
            frontier.append((cost, quality))
    return frontier
