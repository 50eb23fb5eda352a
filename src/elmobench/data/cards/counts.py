"""Comparing what a card states about a split with what its data contain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from elmobench.data.cards.card_numbers import SplitCounts


def frequencies(values: Iterable[str]) -> dict[str, int]:
    """How often each value occurs, in sorted order.

    >>> frequencies(["NP", "VP", "NP"])
    {'NP': 2, 'VP': 1}
    """
    return dict(sorted(Counter(values).items()))


def differences(stated: SplitCounts, counted: SplitCounts) -> list[str]:
    """What a card states and the data contradict; only what the card states is compared.

    >>> differences(SplitCounts(tokens=5), SplitCounts(examples=2, tokens=4))
    ['tokens: the card says 5, the data have 4']
    """
    problems = []
    for field in SplitCounts.model_fields:
        expected, actual = getattr(stated, field), getattr(counted, field)
        if expected is not None and expected != actual:
            problems.append(
                f"{field}: the card says {_text(expected)}, the data have {_text(actual)}"
            )
    return problems


def _text(value: int | dict[str, int] | None) -> str:
    if value is None:
        return "none"
    if isinstance(value, int):
        return str(value)
    return ", ".join(f"{key} {number}" for key, number in sorted(value.items()))
