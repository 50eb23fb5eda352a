"""A sense inventory: the senses of each lemma and part of speech, the most usual first.

Each file format has a module of its own; see
:func:`~elmobench.data.readers.inventory_formats.read_inventory`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

SENSE_KEY = re.compile(r"[^%\s]+%[1-5]:[0-9]{2}:[0-9]{2}:[^:\s]*:(?:[0-9]{2})?")
"""A sense key of WordNet: ``lemma%type:lexicographer file:id:head word:head id``."""

SENSE_TYPES = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}
"""A sense key's first digit to its part of speech: noun, verb, adjective, adverb."""


class SenseInventory:
    """Sense keys by lemma (lower case, ``_`` between words) and part of speech (n, v, a, r).

    >>> SenseInventory({("art", "n"): ("art%1:06:00::", "art%1:04:00::")}).candidates("art", "n")
    ('art%1:06:00::', 'art%1:04:00::')
    """

    def __init__(self, senses: Mapping[tuple[str, str], tuple[str, ...]]) -> None:
        self._senses = senses

    def candidates(self, lemma: str, pos: str) -> tuple[str, ...]:
        """Sense keys in the inventory's order; none for an unknown lemma."""
        return self._senses.get((lemma, pos), ())

    @property
    def keys(self) -> int:
        """Number of distinct sense keys."""
        return len({key for keys in self._senses.values() for key in keys})
