"""Presets of the heads for word sense disambiguation."""

from __future__ import annotations

from elmobench.tasks.head import HeadPreset, MixDefaults, TrainingOptions
from elmobench.tasks.probe_grid import PROBE_GRID
from elmobench.tasks.wsd.classifiers import (
    LinearSenses,
    LinearSensesOptions,
    LstmSenses,
    LstmSensesOptions,
)
from elmobench.tasks.wsd.first_sense import FirstSense, FirstSenseOptions
from elmobench.tasks.wsd.most_frequent import MostFrequentOptions, MostFrequentSense
from elmobench.tasks.wsd.nearest_neighbour import NearestNeighbour, NearestNeighbourOptions

LINEAR = HeadPreset(
    head=LinearSenses,
    options=LinearSensesOptions(),
    training=TrainingOptions(
        batch_size=64,
        epochs=10,
        patience=3,
        grid=PROBE_GRID,
    ),
    mix=MixDefaults(dropout=0.0, static_dropout=0.0, standardize=True),
    version=1,
)


SMALL = HeadPreset(
    head=LstmSenses,
    options=LstmSensesOptions(dropout=0.3),
    training=TrainingOptions(batch_size=64, epochs=10, patience=3),
    mix=MixDefaults(dropout=0.0, static_dropout=0.0),
    version=1,
)


# These heads are fitted in one pass over the training set: only the batch size has an effect.
_ONE_PASS = TrainingOptions(batch_size=64, epochs=1, patience=1)


PAPER = HeadPreset(
    head=NearestNeighbour,
    options=NearestNeighbourOptions(),
    training=_ONE_PASS,
    # Nothing is trained: there is no dropout, and no trainable part.
    mix=MixDefaults(
        dropout=0.0, static_dropout=0.0, trainable_lowercase=False, trainable_unknown="zero"
    ),
    version=1,
)


MOST_FREQUENT = HeadPreset(
    head=MostFrequentSense,
    options=MostFrequentOptions(),
    training=_ONE_PASS,
    mix=MixDefaults(dropout=0.0, static_dropout=0.0),
    version=1,
)


FIRST_SENSE = HeadPreset(
    head=FirstSense,
    options=FirstSenseOptions(),
    training=_ONE_PASS,
    mix=MixDefaults(dropout=0.0, static_dropout=0.0),
    version=1,
)
