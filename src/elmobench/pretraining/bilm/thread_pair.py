"""Run two tasks at the same time, each with half of the torch threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

_Result = TypeVar("_Result")


class ThreadPair:
    """The calling thread and a second thread, with half of the torch threads each.

    With two torch threads in all, no operation is split between threads. So none waits for
    another thread in a busy loop, which on a machine with other work takes several times as long
    as the operation.

    Attributes:
        size: number of tasks that run at the same time: 2, or 1 with a single torch thread.

    Args:
        threads: torch threads of both together.
    """

    def __init__(self, threads: int) -> None:
        self.size = min(2, max(1, threads))
        self._threads_each = max(1, threads // 2)
        # The number of torch threads is a setting of the thread that sets it.
        self._second_thread = ThreadPoolExecutor(
            1, initializer=torch.set_num_threads, initargs=(self._threads_each,)
        )

    @contextmanager
    def half_of_threads(self) -> Iterator[None]:
        """In this block the calling thread uses its half of the torch threads."""
        before = torch.get_num_threads()
        torch.set_num_threads(self._threads_each)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def map(self, task: Callable[[int], _Result], count: int) -> list[_Result]:
        """``[task(0), …, task(count - 1)]``; ``count`` is at most 2."""
        if count < 2 or self.size < 2:
            return [task(k) for k in range(count)]
        second = self._second_thread.submit(task, 1)
        return [task(0), second.result()]
