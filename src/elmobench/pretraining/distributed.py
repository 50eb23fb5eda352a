"""Several processes that train one model, each on rows of its own (data parallel, torchrun)."""

from __future__ import annotations

import atexit
import os
from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor


class Group:
    """The processes of a training, from the view of one of them.

    Attributes:
        rank: which one this is.
        size: how many there are.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank = rank
        self.size = size

    @classmethod
    def of_environment(cls) -> Group:
        """The group that ``torchrun`` made; one of this process alone without it.

        Joins it on the first call, over gloo: models are trained in the processor's memory, which
        nccl does not send from.
        """
        if int(os.environ.get("WORLD_SIZE", "1")) < 2:
            return cls()
        if not dist.is_initialized():
            dist.init_process_group("gloo")
            # Its threads have to end before the process does, or they may abort it.
            atexit.register(_leave)
        return cls(dist.get_rank(), dist.get_world_size())

    @property
    def first(self) -> bool:
        """Whether this process writes and speaks for all."""
        return self.rank == 0

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Put into each of ``tensors`` the sum over all processes, in place."""
        if self.size == 1 or not tensors:
            return
        # One message for all of them.
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        dist.all_reduce(flat)
        start = 0
        for tensor in tensors:
            end = start + tensor.numel()
            tensor.copy_(flat[start:end].view_as(tensor))
            start = end

    def concatenated(self, tensor: Tensor) -> Tensor:
        """All processes' tensors along the first axis, in their order; lengths may differ."""
        if self.size == 1:
            return tensor
        lengths = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
        dist.all_gather(lengths, torch.tensor([len(tensor)]))
        longest = max(int(length) for length in lengths)
        padded = tensor.new_zeros((longest, *tensor.shape[1:]))
        padded[: len(tensor)] = tensor
        parts = [torch.empty_like(padded) for _ in range(self.size)]
        dist.all_gather(parts, padded)
        return torch.cat([part[: int(length)] for part, length in zip(parts, lengths, strict=True)])

    def any(self, flag: bool) -> bool:
        """Whether any process says yes."""
        if self.size == 1:
            return flag
        said = torch.tensor([float(flag)])
        dist.all_reduce(said)
        return bool(said > 0)

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            dist.barrier()

    def mine(self, rows: int) -> slice:
        """This process's rows of ``rows``, which are shared out evenly."""
        each = rows // self.size
        return slice(self.rank * each, (self.rank + 1) * each)


def _leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()
