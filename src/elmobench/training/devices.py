"""Devices for encoding and training: which one a setting means, and what uses it.

Inside a process a device is ``cpu`` or ``cuda``, the current CUDA device: :func:`use_device` makes
``cuda:1`` the current one. So nothing below needs the number, on which no result depends.
"""

from __future__ import annotations

import os
from typing import Any

import torch

from elmobench.core.counted import counted
from elmobench.core.errors import ConfigError

_FIX = (
    "set the device (settings.device, --device) to cpu or auto, or install a CUDA build of torch "
    "(`elmobench doctor` shows the devices)"
)


def resolved_device(setting: str) -> str:
    """The device that ``setting`` means on this machine: ``cpu``, ``cuda`` or ``cuda:N``.

    >>> resolved_device("cpu")
    'cpu'

    Args:
        setting: ``auto`` (a CUDA device if there is one), ``cpu``, ``cuda`` or ``cuda:N``.
    """
    if setting != "auto":
        return setting
    return "cuda" if torch.cuda.is_available() else "cpu"


def device_kind(device: str) -> str:
    """``cpu`` or ``cuda``: what results depend on.

    >>> device_kind("cuda:1"), device_kind("cpu")
    ('cuda', 'cpu')
    """
    return device.partition(":")[0]


def gpus() -> list[tuple[str, int]]:
    """Name and bytes of memory of each GPU of this machine that torch can use."""
    if not torch.cuda.is_available():
        return []
    found = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    return [(str(gpu.name), int(gpu.total_memory)) for gpu in found]


def check_device(device: str) -> None:
    """Raise ConfigError if this machine does not have ``device``."""
    kind, _, number = device.partition(":")
    if kind != "cuda":
        return
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(number or 0) >= count:
        found = counted(count, "CUDA device") if count else "no CUDA device"
        raise ConfigError(f"the device is to be {device}, and torch finds {found}", fix=_FIX)


def own_devices(device: str) -> list[str]:
    """The devices of which each of several processes gets one; empty if they share the processor.

    Args:
        device: ``cpu``, ``cuda`` for all GPUs of this machine, or ``cuda:N`` for that one.
    """
    if device != "cuda":
        return [] if device == "cpu" else [device]
    return [f"cuda:{number}" for number in range(torch.cuda.device_count())]


def use_device(device: str) -> None:
    """Make ``device`` the current one of this process, with repeatable kernels of full precision.

    Raises:
        ConfigError: if this machine does not have it.
    """
    kind, _, number = device.partition(":")
    if kind != "cuda":
        return
    check_device(device)
    # cuBLAS reads this when it starts; without it, its sums may differ from run to run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if number:
        torch.cuda.set_device(int(number))
    backends: Any = torch.backends
    backends.cudnn.benchmark = False
    backends.cudnn.allow_tf32 = False
    backends.cuda.matmul.allow_tf32 = False


class RandomState:
    """The state of the random numbers that are drawn for tensors on a device, and on the processor.

    Args:
        device: ``cpu`` or ``cuda``.
    """

    def __init__(self, device: torch.device) -> None:
        self._on_gpu = device.type == "cuda"
        self._cpu = torch.get_rng_state()
        self._cuda = torch.cuda.get_rng_state() if self._on_gpu else None

    def restore(self) -> None:
        """Go on where the numbers were when this object was made."""
        torch.set_rng_state(self._cpu)
        if self._cuda is not None:
            torch.cuda.set_rng_state(self._cuda)


def count_memory(device: torch.device) -> None:
    """Begin to count the memory that tensors take on ``device``; nothing on the processor."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()


def gpu_memory(device: torch.device) -> int | None:
    """The most bytes that tensors took since :func:`count_memory`; None for the processor."""
    return int(torch.cuda.max_memory_allocated()) if device.type == "cuda" else None
