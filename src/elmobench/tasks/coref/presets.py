"""Presets of the heads for coreference."""

from __future__ import annotations

from elmobench.tasks.coref.end_to_end import EndToEndOptions, EndToEndRanker
from elmobench.tasks.coref.linear import LinearRanker, LinearRankerOptions
from elmobench.tasks.head import HeadPreset, MixDefaults, TrainingOptions
from elmobench.tasks.probe_grid import PROBE_GRID

LINEAR = HeadPreset(
    head=LinearRanker,
    options=LinearRankerOptions(),
    training=TrainingOptions(
        batch_size=1,
        epochs=15,
        patience=3,
        grid=PROBE_GRID,
    ),
    mix=MixDefaults(dropout=0.0, static_dropout=0.0, standardize=True),
    version=1,
)


SMALL = HeadPreset(
    head=EndToEndRanker,
    options=EndToEndOptions(
        max_width=10,
        spans_per_word=0.25,
        antecedents=30,
        mention_loss=1.0,
        layers=1,
        hidden=100,
        feedforward=100,
        depth=1,
        char_widths=(3,),
        iterations=1,
        lexical_dropout=0.3,
        lstm_dropout=0.3,
    ),
    training=TrainingOptions(batch_size=1, epochs=20, patience=4),
    mix=MixDefaults(dropout=0.0, static_dropout=0.0),
    version=1,
)


# Source: e2e-coref, experiments.conf and coref_model.py (frozen GloVe, zero for unknown words; the
# lexical dropout of 0.5 applies to GloVe, characters and ELMo alike, and ELMo has none of its own).
PAPER = HeadPreset(
    head=EndToEndRanker,
    options=EndToEndOptions(iterations=2),
    training=TrainingOptions(batch_size=1, epochs=150, patience=10),
    mix=MixDefaults(
        dropout=0.0, static_dropout=0.0, trainable_lowercase=False, trainable_unknown="zero"
    ),
    version=1,
)
