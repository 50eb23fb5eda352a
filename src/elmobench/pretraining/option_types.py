"""Types of the values that training options share, with bounds that arithmetic can hold."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

LARGEST_COUNT: Final = 2**31 - 1
"""Ids of words and cells are stored in 32 bits; no larger count is meaningful."""

LARGEST_SEED: Final = 2**63 - 1
"""Random generators of torch take no seed of more bits."""

Count = Annotated[int, Field(ge=1, le=LARGEST_COUNT)]
"""A number of words, steps, rows or values: at least one."""

Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
"""Seed of random generators."""

Passes = Annotated[int | float, Field(gt=0, le=1_000_000)]
"""Passes over a text, or the part of one."""
