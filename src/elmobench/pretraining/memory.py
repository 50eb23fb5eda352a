"""Refuse models that this machine cannot hold, before anything is allocated."""

from __future__ import annotations

import os

from elmobench.core.errors import ConfigError

_BYTES_PER_WEIGHT = 16
"""The weight, its gradient, and the two moments or sums of an optimizer, in float32."""


def check_memory(weights: int, other_values: int = 0) -> None:
    """Raise ConfigError if a training does not fit into the memory of this machine.

    Without this check, the operating system would end the process by a signal.

    Args:
        weights: values that are trained.
        other_values: float32 values of the largest arrays besides.
    """
    needed = _BYTES_PER_WEIGHT * weights + 4 * other_values
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there:
        raise ConfigError(
            f"the training needs at least {needed / 1e9:,.0f} GB of memory, and this machine has "
            f"{there / 1e9:,.0f} GB",
            fix="use smaller sizes in the options",
        )
