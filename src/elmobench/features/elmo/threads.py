"""Independent halves of a computation on threads of their own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from elmobench.features.arithmetic import no_gradients

_Result = TypeVar("_Result")


def run_in_threads(task: Callable[[int], _Result], count: int) -> list[_Result]:
    """``[task(0), …, task(count − 1)]``, at the same time if PyTorch has a thread for each.

    The threads are shared out. Two threads with a direction of the LSTM each meet once a batch,
    where two threads that share each product meet at every operation: cheap on an idle machine,
    ruinous on a busy one.
    """
    threads = torch.get_num_threads()
    if threads < count:
        return [task(i) for i in range(count)]

    def run(i: int) -> _Result:
        # Both settings belong to the thread that makes them.
        torch.set_num_threads(max(1, threads // count))
        with no_gradients():
            return task(i)

    try:
        with ThreadPoolExecutor(count - 1) as pool:
            others = [pool.submit(run, i) for i in range(1, count)]
            first = run(0)
            return [first, *(other.result() for other in others)]
    finally:
        torch.set_num_threads(threads)
