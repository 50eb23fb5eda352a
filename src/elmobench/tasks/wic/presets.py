"""Presets of the heads for words in context."""

from __future__ import annotations

from elmobench.data.examples import MarkedPair
from elmobench.tasks.head import HeadPreset, MixDefaults, TrainingOptions
from elmobench.tasks.majority import MajorityLabel, majority_preset
from elmobench.tasks.vector_heads import LinearOptions, MlpOptions, RecurrentOptions
from elmobench.tasks.vector_presets import hidden_preset, linear_preset
from elmobench.tasks.wic.heads import (
    CosineThreshold,
    CosineThresholdOptions,
    LinearMarked,
    MlpMarked,
    RecurrentMarked,
)
from elmobench.tasks.wic.pipeline import PIPELINE

LINEAR = linear_preset(LinearMarked, LinearOptions())
MLP = hidden_preset(MlpMarked, MlpOptions(), 15)
SMALL = hidden_preset(RecurrentMarked, RecurrentOptions(), 12)
THRESHOLD = HeadPreset(
    head=CosineThreshold,
    options=CosineThresholdOptions(),
    training=TrainingOptions(batch_size=64, epochs=1),
    mix=MixDefaults(dropout=0.0, static_dropout=0.0),
    version=1,
)


class MajorityMarked(MajorityLabel[MarkedPair]):
    """:class:`MajorityLabel` of this pipeline."""

    pipeline = PIPELINE


MAJORITY = majority_preset(MajorityMarked)
