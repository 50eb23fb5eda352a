"""The tasks of a run in one process, whose examples are released when they are no longer read."""

from __future__ import annotations

from typing import Final

from elmobench.data.cards.catalog import CardCatalog
from elmobench.data.sampling import Limit
from elmobench.tasks.task import Task

KEPT_TOKENS: Final = 300_000
"""Tokens of examples that are kept while another task is in use: about 50 MB."""


class LoadedTasks:
    """Loads each task once per fold, and releases the examples of large ones on request.

    Args:
        cards: the task cards.
        trust_first: accept files without a known digest, and pin their digests.
        limit: of the examples of each split; None for all.
    """

    def __init__(self, cards: CardCatalog, trust_first: bool, limit: Limit | None) -> None:
        self._cards = cards
        self._trust_first = trust_first
        self._limit = limit
        self._tasks: dict[tuple[str, int | None], Task] = {}

    def get(self, name: str, fold: int | None = None) -> Task:
        """The task ``name``, loaded once per fold (None for the first fold, or without folds)."""
        key = (name, fold or None)
        if key not in self._tasks:
            self._tasks[key] = Task(
                self._cards.get(name), trust_first=self._trust_first, fold=fold, limit=self._limit
            )
        return self._tasks[key]

    def release(self) -> bool:
        """Release examples, those of the largest tasks first, until few tokens are left.

        They are read again when they are next used. Small tasks stay, so that a run of many small
        cells reads its data once.

        Returns:
            Whether any were released.
        """
        loaded = sorted(self._tasks.values(), key=lambda task: task.tokens_in_memory)
        total = sum(task.tokens_in_memory for task in loaded)
        released = False
        while total > KEPT_TOKENS:
            largest = loaded.pop()
            total -= largest.tokens_in_memory
            largest.release()
            released = True
        return released
