"""Presets of the heads that score one vector per example."""

from __future__ import annotations

from typing import Any

from elmobench.tasks.base import HeadOptions
from elmobench.tasks.head import Head, HeadPreset, MixDefaults, TrainingOptions
from elmobench.tasks.probe_grid import PROBE_GRID


def _version(head: type[Head[Any]]) -> int:
    """Version 2 of the heads that read means is trained on means that are computed once."""
    return 2 if head.reads_means else 1


def linear_preset(head: type[Head[Any]], options: HeadOptions) -> HeadPreset:
    """A linear probe, which searches the same grid as all others."""
    return HeadPreset(
        head=head,
        options=options,
        training=TrainingOptions(batch_size=64, epochs=15, patience=3, grid=PROBE_GRID),
        mix=MixDefaults(dropout=0.0, static_dropout=0.0, standardize=True),
        version=_version(head),
    )


def hidden_preset(head: type[Head[Any]], options: HeadOptions, epochs: int) -> HeadPreset:
    """A head with hidden layers, without a search."""
    return HeadPreset(
        head=head,
        options=options,
        training=TrainingOptions(batch_size=32, epochs=epochs, patience=3),
        mix=MixDefaults(dropout=0.0, static_dropout=0.0),
        version=_version(head),
    )
