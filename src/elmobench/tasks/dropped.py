"""The warning of a split that lacks many of its examples because they were dropped."""

from __future__ import annotations

from collections.abc import Mapping

LOUD_SHARE = 0.01
"""The share of a split's examples above which their loss is warned of."""


def loss_note(split: str, lost: Mapping[str, int], kept: int) -> str | None:
    """A warning that a split lacks more than :data:`LOUD_SHARE` of its examples; else None.

    >>> loss_note("train", {"answer-not-found": 3}, 17)
    'train lacks 3 of its 20 examples (15.0 %), which were dropped: 3 answer-not-found'
    >>> loss_note("train", {"empty-label": 1}, 999) is None
    True
    """
    number = sum(lost.values())
    total = number + kept
    if number <= LOUD_SHARE * total:
        return None
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(lost.items()) if count)
    return (
        f"{split} lacks {number:,} of its {total:,} examples ({100 * number / total:.1f} %), "
        f"which were dropped: {reasons}"
    )
