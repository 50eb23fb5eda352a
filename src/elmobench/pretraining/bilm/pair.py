"""Two halves of a step at the same time, each on threads of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

_Result = TypeVar("_Result")


class Pair:
    """The calling thread and one beside it, with half of the torch threads each.

    With two threads no operation is shared out, so none waits for another thread in a busy loop,
    which on a machine with other work takes several times as long as the operation.

    Attributes:
        size: how many tasks run at the same time: 2, or 1 if there is but one thread.

    Args:
        threads: torch threads of both together.
    """

    def __init__(self, threads: int) -> None:
        self.size = min(2, max(1, threads))
        self._each = max(1, threads // 2)
        # The number of torch threads belongs to the thread that sets it.
        self._other = ThreadPoolExecutor(
            1, initializer=torch.set_num_threads, initargs=(self._each,)
        )

    @contextmanager
    def threads(self) -> Iterator[None]:
        """In this block the calling thread has its half."""
        before = torch.get_num_threads()
        torch.set_num_threads(self._each)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def map(self, task: Callable[[int], _Result], count: int) -> list[_Result]:
        """``[task(0), …]`` for one task or two."""
        if count < 2 or self.size < 2:
            return [task(k) for k in range(count)]
        other = self._other.submit(task, 1)
        return [task(0), other.result()]
