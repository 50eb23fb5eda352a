"""How many threads torch computes with. Sums depend on it, so it belongs to a cell's identity."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Inside the block torch uses ``count`` threads; the setting before is restored.

    Two busy processes with several threads each slow one another down many times over, so the
    number is always set, and is 1 unless an experiment says otherwise.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
