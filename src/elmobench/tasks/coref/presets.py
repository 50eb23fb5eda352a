"""Presets of the heads for coreference."""

from __future__ import annotations

from elmobench.tasks.coref.end_to_end import EndToEndOptions, EndToEndRanker
from elmobench.tasks.coref.lee import LeeOptions, LeeRanker
from elmobench.tasks.coref.linear import ElementwiseRanker, LinearRanker, LinearRankerOptions
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


LINEAR_PAIRS = HeadPreset(
    head=ElementwiseRanker,
    options=LinearRankerOptions(),
    training=LINEAR.training,
    mix=LINEAR.mix,
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


_TRAINING = TrainingOptions(batch_size=1, epochs=150, patience=10, decay=0.999, decay_steps=100)
# Frozen vectors of length 1, zero for unknown words. The lexical dropout of 0.5 applies to static
# vectors, characters and ELMo alike, and ELMo has none of its own (Peters et al. 2018, appendix).
_MIX = MixDefaults(
    dropout=0.0,
    static_dropout=0.0,
    static_unit=True,
    trainable_lowercase=False,
    trainable_unknown="zero",
)

# Source: Lee et al. 2017, the model of the ELMo paper; e2e-coref, experiments.conf and
# coref_model.py before the version of 2018.
PAPER = HeadPreset(
    head=LeeRanker,
    options=LeeOptions(
        max_width=10,
        antecedents=250,
        separate_weights=True,
        shared_lexical_dropout=True,
    ),
    training=_TRAINING,
    mix=_MIX,
    version=2,
)


# Source: Lee et al. 2018; e2e-coref, experiments.conf and coref_model.py.
PAPER_2018 = HeadPreset(
    head=LeeRanker,
    options=LeeOptions(
        max_width=30,
        antecedents=50,
        layers=3,
        lstm_dropout=0.4,
        coarse=True,
        iterations=2,
    ),
    training=_TRAINING,
    mix=_MIX,
    version=1,
)
