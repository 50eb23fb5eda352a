"""Data-parallel training: several processes (torchrun) train one model, each on its own rows.

Tensors of a GPU travel by nccl, which joins GPUs, and those of the processor by gloo.
"""

from __future__ import annotations

import atexit
import contextlib
import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import torch
import torch.distributed as dist
from torch import Tensor

from elmobench.training.devices import device_kind, use_device

_LEAVE_TIMEOUT: Final = timedelta(seconds=10)
_host_group: list[dist.ProcessGroup | None] = []
"""The group for tensors of the processor, once this process has joined; None for the only one."""


class ProcessGroup:
    """The processes that train one model together, from the view of one of them.

    Attributes:
        rank: number of this process, from 0.
        size: number of processes.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank = rank
        self.size = size

    @classmethod
    def from_environment(cls, device: str = "cpu") -> ProcessGroup:
        """The group that ``torchrun`` started, or a group of this process alone.

        The first call joins the group.

        Args:
            device: of this process; see :func:`device_of_process`.

        Raises:
            ConfigError: if this machine does not have the device.
        """
        if int(os.environ.get("WORLD_SIZE", "1")) < 2:
            return cls()
        if not dist.is_initialized():
            # nccl binds a process to its current GPU.
            use_device(device)
            on_gpu = device_kind(device) == "cuda"
            dist.init_process_group("nccl" if on_gpu else "gloo")
            # With nccl alone, small numbers of the processor could not be sent.
            _host_group.append(dist.new_group(backend="gloo") if on_gpu else None)
            # Its threads must end before the process does, or they may abort it.
            atexit.register(_leave)
        return cls(dist.get_rank(), dist.get_world_size())

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and prints messages for the whole group."""
        return self.rank == 0

    def all_reduce(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor, in place, by its sum over all processes."""
        if self.size == 1 or not tensors:
            return
        # One message for all of them.
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        dist.all_reduce(flat, group=_group_of(flat))
        start = 0
        for tensor in tensors:
            end = start + tensor.numel()
            tensor.copy_(flat[start:end].view_as(tensor))
            start = end

    def all_gather(self, tensor: Tensor) -> Tensor:
        """Concatenate the tensors of all processes along axis 0, by rank; lengths may differ."""
        if self.size == 1:
            return tensor
        lengths = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
        dist.all_gather(lengths, torch.tensor([len(tensor)]), group=_host())
        longest = max(int(length) for length in lengths)
        padded = tensor.new_zeros((longest, *tensor.shape[1:]))
        padded[: len(tensor)] = tensor
        parts = [torch.empty_like(padded) for _ in range(self.size)]
        dist.all_gather(parts, padded, group=_group_of(padded))
        return torch.cat([part[: int(length)] for part, length in zip(parts, lengths, strict=True)])

    def any(self, flag: bool) -> bool:
        """Whether ``flag`` is true in any process."""
        if self.size == 1:
            return flag
        count = torch.tensor([float(flag)])
        dist.all_reduce(count, group=_host())
        return bool(count > 0)

    def barrier(self) -> None:
        """Wait until all processes have called this."""
        if self.size > 1:
            dist.barrier(group=_host())

    def my_rows(self, rows: int) -> slice:
        """The rows of this process if ``rows`` rows are divided evenly."""
        each = rows // self.size
        return slice(self.rank * each, (self.rank + 1) * each)


def _host() -> dist.ProcessGroup | None:
    """The group that sends tensors of the processor, as :func:`_group_of`."""
    return _host_group[0] if _host_group else None


def _group_of(tensor: Tensor) -> dist.ProcessGroup | None:
    """The group that sends ``tensor``; None for torch's default group."""
    return None if tensor.is_cuda else _host()


def _leave() -> None:
    """Leave the group together with the other processes.

    A process whose connections are closed by another one while its own threads still run can be
    aborted at its end. A process that failed is not waited for longer than the limit.
    """
    if dist.is_initialized():
        with contextlib.suppress(RuntimeError):
            dist.monitored_barrier(group=_host(), timeout=_LEAVE_TIMEOUT)
        dist.destroy_process_group()
