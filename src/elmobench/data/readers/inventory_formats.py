"""The formats of sense inventories, by name, and a cache of the inventory in use."""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from elmobench.data.readers.base import SourceText
from elmobench.data.readers.index_sense import read_index_sense
from elmobench.data.readers.oewn_entries import read_entries
from elmobench.data.readers.sense_inventory import SenseInventory

InventoryFormat = Literal["oewn", "index-sense"]

_READ: Mapping[InventoryFormat, Callable[[Sequence[SourceText]], SenseInventory]] = {
    "oewn": read_entries,
    "index-sense": read_index_sense,
}


def read_inventory(
    texts: Sequence[SourceText], inventory_format: InventoryFormat = "oewn"
) -> SenseInventory:
    """Read the inventory in ``texts``.

    Args:
        texts: its files.
        inventory_format: ``oewn``, entry files of the Open English WordNet; or ``index-sense``, the
            file ``index.sense`` of Princeton WordNet.

    Raises:
        DataError: for a line that is not of this format; names file and line.
    """
    return _READ[inventory_format](texts)


class InventoryCache:
    """Keeps the last inventory, since all files of a split use the same one.

    The same :class:`SourceText` objects are recognised at once, others by their digest.
    """

    def __init__(self) -> None:
        self._last: list[weakref.ref[SourceText]] = []
        self._format: InventoryFormat = "oewn"
        self._digest = ""
        self._inventory: SenseInventory | None = None

    def get(
        self, texts: Sequence[SourceText], inventory_format: InventoryFormat = "oewn"
    ) -> SenseInventory:
        """The inventory in ``texts``. Raises DataError as :func:`read_inventory` does."""
        same = (
            inventory_format == self._format
            and len(texts) == len(self._last)
            and all(reference() is text for reference, text in zip(self._last, texts, strict=True))
        )
        if self._inventory is not None and same:
            return self._inventory
        hasher = hashlib.sha256(inventory_format.encode())
        for text in texts:
            hasher.update(hashlib.sha256(text.data).digest())
            hasher.update(repr(text.lines).encode())
        if self._inventory is None or hasher.hexdigest() != self._digest:
            self._inventory = read_inventory(texts, inventory_format)
            self._digest = hasher.hexdigest()
        self._format = inventory_format
        self._last = [weakref.ref(text) for text in texts]
        return self._inventory


INVENTORIES = InventoryCache()
