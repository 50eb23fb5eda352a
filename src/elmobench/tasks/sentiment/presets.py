"""Presets of the heads for sentiment."""

from __future__ import annotations

from elmobench.data.examples import ClassifiedText
from elmobench.tasks.head import HeadPreset, MixDefaults, TrainingOptions
from elmobench.tasks.majority import MajorityLabel, majority_preset
from elmobench.tasks.probe_grid import PROBE_GRID
from elmobench.tasks.sentiment.bcn import Bcn, BcnOptions
from elmobench.tasks.sentiment.linear import LinearText, LinearTextOptions
from elmobench.tasks.sentiment.mlp import MlpText, MlpTextOptions
from elmobench.tasks.sentiment.pipeline import PIPELINE

LINEAR = HeadPreset(
    head=LinearText,
    options=LinearTextOptions(),
    training=TrainingOptions(
        batch_size=64,
        epochs=15,
        patience=3,
        grid=PROBE_GRID,
    ),
    mix=MixDefaults(dropout=0.0, static_dropout=0.0, standardize=True),
    version=2,
)


MLP = HeadPreset(
    head=MlpText,
    options=MlpTextOptions(),
    training=TrainingOptions(batch_size=64, epochs=15, patience=3),
    mix=MixDefaults(dropout=0.0, static_dropout=0.0),
    version=2,
)


SMALL = HeadPreset(
    head=Bcn,
    options=BcnOptions(
        feedforward=100,
        encoder=100,
        integrator=100,
        maxout=(100, 50),
        pool=2,
        embedding_dropout=0.3,
        feedforward_dropout=0.2,
        integrator_dropout=0.1,
        maxout_dropout=(0.2, 0.2, 0.0),
    ),
    training=TrainingOptions(batch_size=64, epochs=12, patience=3),
    mix=MixDefaults(dropout=0.0, static_dropout=0.0),
    version=1,
)


# Source: AllenNLP 0.9, training_config/biattentive_classification_network_elmo.jsonnet (frozen
# cased GloVe; ELMo has no dropout of its own; the network's embedding_dropout of 0.5 applies to
# both). The published baseline without ELMo, …_network.jsonnet, has an embedding_dropout of 0.25
# (override options.embedding_dropout, as paper/table1 does) and is the same otherwise. Neither has
# an initializer: all parameters start as torch draws them. Equal to allennlp-models'
# BiattentiveClassificationNetwork weight for weight (`elmobench reference heads bcn`).
# AllenNLP draws frozen vectors of unknown words at random, like `glove-840b-300d@unknown=random`;
# without that setting they are zero.
PAPER = HeadPreset(
    head=Bcn,
    options=BcnOptions(phrases="all"),
    training=TrainingOptions(batch_size=100, epochs=40, patience=5),
    mix=MixDefaults(
        dropout=0.0, static_dropout=0.0, trainable_lowercase=False, trainable_unknown="normal"
    ),
    version=1,
)


class MajorityText(MajorityLabel[ClassifiedText]):
    """:class:`MajorityLabel` of this pipeline."""

    pipeline = PIPELINE


MAJORITY = majority_preset(MajorityText)
