"""Presets of the heads that label edges."""

from __future__ import annotations

from elmobench.data.examples import EdgeText
from elmobench.tasks.edges.heads import (
    AttentiveEdgeOptions,
    AttentiveEdges,
    LinearEdgeOptions,
    LinearEdges,
    RecurrentEdgeOptions,
    RecurrentEdges,
)
from elmobench.tasks.edges.pipeline import PIPELINE
from elmobench.tasks.head import HeadPreset, MixDefaults, TrainingOptions
from elmobench.tasks.majority import MajoritySets, majority_preset
from elmobench.tasks.vector_presets import hidden_preset, linear_preset

LINEAR = linear_preset(LinearEdges, LinearEdgeOptions())
SMALL = hidden_preset(RecurrentEdges, RecurrentEdgeOptions(), 12)

# An evaluation of jiant follows 500 or 1,000 batches; here it follows an epoch.
PAPER = HeadPreset(
    head=AttentiveEdges,
    options=AttentiveEdgeOptions(decision="several"),
    training=TrainingOptions(
        lr=1e-4,
        batch_size=32,
        epochs=100,
        patience=20,
        clip_norm=5.0,
        plateau_factor=0.5,
        plateau_patience=5,
    ),
    mix=MixDefaults(
        dropout=0.0, static_dropout=0.0, trainable_lowercase=False, trainable_unknown="normal"
    ),
    version=1,
)


class MajorityEdges(MajoritySets[EdgeText]):
    """:class:`MajoritySets` of this pipeline."""

    pipeline = PIPELINE


MAJORITY = majority_preset(MajorityEdges)
