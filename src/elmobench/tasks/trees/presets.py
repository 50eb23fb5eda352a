"""Presets of the structural probes."""

from __future__ import annotations

from elmobench.tasks.head import HeadPreset, MixDefaults, TrainingOptions
from elmobench.tasks.trees.heads import (
    DepthProbe,
    DistanceProbe,
    StructuralOptions,
    StructuralProbe,
)
from elmobench.tasks.vector_presets import linear_preset

RANK = 64
"""Rank of ``linear``: its map stays small over wide vectors."""


def _published(head: type[StructuralProbe]) -> HeadPreset:
    return HeadPreset(
        head=head,
        options=StructuralOptions(),
        training=TrainingOptions(
            lr=1e-3,
            batch_size=20,
            epochs=40,
            patience=5,
            clip_norm=None,
            plateau_factor=0.1,
            plateau_patience=0,
        ),
        mix=MixDefaults(
            dropout=0.0, static_dropout=0.0, trainable_lowercase=False, trainable_unknown="normal"
        ),
        version=1,
    )


DISTANCE_LINEAR = linear_preset(DistanceProbe, StructuralOptions(rank=RANK))
DEPTH_LINEAR = linear_preset(DepthProbe, StructuralOptions(rank=RANK))
DISTANCE_PAPER = _published(DistanceProbe)
DEPTH_PAPER = _published(DepthProbe)
