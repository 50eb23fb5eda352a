"""Refuse models that this machine cannot hold, before anything is allocated."""

from __future__ import annotations

import torch

from elmobench.core.errors import ConfigError
from elmobench.pretraining.device import CPU, memory_of

_BYTES_PER_WEIGHT = 16
"""The weight, its gradient, and the two moments or sums of an optimizer, in float32."""


def check_memory(weights: int, other_values: int = 0, device: torch.device = CPU) -> None:
    """Raise ConfigError if a training does not fit into the memory of its device.

    Without this check, the operating system would end the process by a signal.

    Args:
        weights: values that are trained.
        other_values: float32 values of the largest arrays besides.
        device: which one it is.
    """
    needed = _BYTES_PER_WEIGHT * weights + 4 * other_values
    there = memory_of(device)
    if needed > there:
        name = "GPU" if device.type == "cuda" else "machine"
        raise ConfigError(
            f"the training needs at least {needed / 1e9:,.0f} GB of memory, and this {name} has "
            f"{there / 1e9:,.0f} GB",
            fix="use smaller sizes in the options",
        )
