"""Presets of the heads for regression on texts and pairs."""

from __future__ import annotations

from typing import Any

from elmobench.tasks.base import HeadOptions
from elmobench.tasks.head import Head, HeadPreset, MixDefaults, TrainingOptions
from elmobench.tasks.probe_grid import PROBE_GRID
from elmobench.tasks.regression.heads import (
    Linear,
    LinearOptions,
    LinearPair,
    Mlp,
    MlpOptions,
    MlpPair,
    Recurrent,
    RecurrentOptions,
    RecurrentPair,
)


def _linear(head: type[Head[Any]]) -> HeadPreset:
    return HeadPreset(
        head=head,
        options=LinearOptions(),
        training=TrainingOptions(batch_size=64, epochs=15, patience=3, grid=PROBE_GRID),
        mix=MixDefaults(dropout=0.0, static_dropout=0.0, standardize=True),
        version=1,
    )


def _trained(head: type[Head[Any]], options: HeadOptions, epochs: int) -> HeadPreset:
    return HeadPreset(
        head=head,
        options=options,
        training=TrainingOptions(batch_size=32, epochs=epochs, patience=3),
        mix=MixDefaults(dropout=0.0, static_dropout=0.0),
        version=1,
    )


LINEAR = _linear(Linear)
MLP = _trained(Mlp, MlpOptions(), 15)
SMALL = _trained(Recurrent, RecurrentOptions(), 12)
PAIR_LINEAR = _linear(LinearPair)
PAIR_MLP = _trained(MlpPair, MlpOptions(), 15)
PAIR_SMALL = _trained(RecurrentPair, RecurrentOptions(), 12)
