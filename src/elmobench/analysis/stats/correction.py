"""P-values of several tests: corrected for their number, and formatted."""

from __future__ import annotations

from collections.abc import Sequence


def holm(pvalues: Sequence[float]) -> list[float]:
    """P-values corrected by the step-down method of Holm 1979, in the given order.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(pvalues)
    largest = 0.0
    for rank, i in enumerate(sorted(range(len(pvalues)), key=pvalues.__getitem__)):
        largest = max(largest, min(1.0, (len(pvalues) - rank) * pvalues[i]))
        corrected[i] = largest
    return corrected


def p_text(p: float) -> str:
    """Format a p-value: ``0.013``, ``< 0.001``."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
