"""The values that every linear probe searches, for every embedding on every task."""

from __future__ import annotations

PROBE_GRID: dict[str, list[float]] = {
    "training.lr": [1e-4, 1e-3, 1e-2, 1e-1],
    "options.dropout": [0.0, 0.3],
}
"""Learning rate × dropout. The rates are wide enough that the best one is seldom the first or the
last; runs that choose such a value are flagged.
"""
