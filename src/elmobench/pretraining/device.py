"""The device that a model is trained on: the processor, or a GPU."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch

from elmobench.core.errors import ConfigError, ElmobenchError
from elmobench.training.devices import device_kind, resolved_device, use_device
from elmobench.training.machine import repeatable, torch_threads

CPU: Final = torch.device("cpu")


def device_of_process(setting: str) -> str:
    """The device of this process: ``cpu``, ``cuda`` or ``cuda:N``.

    Of several processes that torchrun started on a machine, each one gets the GPU with its number.

    Args:
        setting: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        ConfigError: if several processes would share the GPU N.
    """
    device = resolved_device(setting)
    if device_kind(device) == "cpu" or int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return device
    if device != "cuda":
        raise ConfigError(
            f"several processes cannot share {device}",
            where="--device",
            fix="use --device cuda: each process takes a GPU of its own",
        )
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"


def identity_of_device(device: str) -> dict[str, str]:
    """What a training's identity has of its device: nothing for the processor.

    >>> identity_of_device("cpu"), identity_of_device("cuda:1")
    ({}, {'device': 'cuda'})
    """
    kind = device_kind(device)
    return {} if kind == "cpu" else {"device": kind}


@contextmanager
def training_on(device: str, threads: int) -> Iterator[torch.device]:
    """Train inside this block on ``device``, with ``threads`` torch threads on the processor.

    On a GPU, float32 has its full precision and kernels are repeatable.

    Raises:
        ConfigError: if this machine does not have the device.
        ElmobenchError: if the GPU's memory is full.
    """
    kind = device_kind(device)
    with torch_threads(threads):
        if kind == "cpu":
            yield CPU
            return
        use_device(device)
        try:
            with repeatable():
                yield torch.device(kind)
        except torch.OutOfMemoryError as error:
            reason = str(error).partition(". ")[0]
            raise ElmobenchError(
                f"the GPU's memory is full ({reason})",
                fix="use a smaller batch_size in a new folder, end what else uses this GPU, or "
                "use --device cpu",
            ) from error


def generator_on(device: torch.device, seed: int) -> torch.Generator:
    """A generator of random numbers for tensors on ``device``.

    >>> torch.rand(1, generator=generator_on(CPU, 1)).shape
    torch.Size([1])
    """
    return torch.Generator("cuda" if device.type == "cuda" else "cpu").manual_seed(seed)


def memory_of(device: torch.device) -> int:
    """Bytes of memory that ``device`` has in all."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info()[1])
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
