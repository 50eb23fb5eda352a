"""Run independent parts of a computation in parallel threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from elmobench.features.arithmetic import no_gradients

_Result = TypeVar("_Result")


def run_in_threads(task: Callable[[int], _Result], count: int) -> list[_Result]:
    """Return ``[task(0), …, task(count − 1)]``, in parallel if PyTorch has a thread for each task.

    PyTorch's threads are divided among the tasks. Two threads that each compute one direction of
    the LSTM synchronise once per batch. Two threads that share every product synchronise at every
    operation, which is cheap on an idle machine and very slow on a busy one.
    """
    threads = torch.get_num_threads()
    if threads < count:
        return [task(i) for i in range(count)]

    def run(i: int) -> _Result:
        # Both settings apply only to the thread that makes them.
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
