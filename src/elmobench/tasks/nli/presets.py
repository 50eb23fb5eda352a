"""Presets of the heads for natural language inference."""

from __future__ import annotations

from elmobench.data.examples import SentencePair
from elmobench.tasks.head import HeadPreset, MixDefaults, TrainingOptions
from elmobench.tasks.majority import MajorityLabel, majority_preset
from elmobench.tasks.nli.esim import Esim, EsimOptions
from elmobench.tasks.nli.linear import LinearPair, LinearPairOptions
from elmobench.tasks.nli.pipeline import PIPELINE
from elmobench.tasks.probe_grid import PROBE_GRID

LINEAR = HeadPreset(
    head=LinearPair,
    options=LinearPairOptions(),
    training=TrainingOptions(
        batch_size=64,
        epochs=15,
        patience=3,
        grid=PROBE_GRID,
    ),
    mix=MixDefaults(dropout=0.0, static_dropout=0.0, standardize=True),
    version=2,
)


SMALL = HeadPreset(
    head=Esim,
    options=EsimOptions(hidden=100, feedforward=100, dropout=0.3),
    training=TrainingOptions(batch_size=32, epochs=12, patience=3),
    mix=MixDefaults(dropout=0.0, static_dropout=0.0),
    version=1,
    placements=("input", "output"),
)


# Source: AllenNLP 0.9, training_config/esim_elmo.jsonnet (ELMo alone, without a dropout of its own)
# and esim.jsonnet, its baseline (trainable GloVe over lower-cased tokens). ESIM's variational
# dropout of 0.5 before the encoder applies to both. Both configurations draw linear layers
# Xavier-uniform and recurrent weights orthogonal, with a bias of one at the forget gates. The
# baseline has batches of 64 (override training.batch_size, as paper/table1-nli does); learning
# rate, its halving after each epoch without a better dev score, patience and clipping are the same.
# Equal to allennlp-models' ESIM weight for weight (`elmobench reference heads esim`).
PAPER = HeadPreset(
    head=Esim,
    options=EsimOptions(initialization="allennlp"),
    training=TrainingOptions(
        lr=4e-4, batch_size=32, epochs=75, patience=5, clip_norm=10.0, plateau_factor=0.5
    ),
    mix=MixDefaults(
        dropout=0.0,
        static_dropout=0.0,
        l2=0.001,  # the better λ of the paper's table 2
        trainable_lowercase=True,
        trainable_unknown="normal",
    ),
    version=3,
    placements=("input", "output"),
)


class MajorityPair(MajorityLabel[SentencePair]):
    """:class:`MajorityLabel` of this pipeline."""

    pipeline = PIPELINE


MAJORITY = majority_preset(MajorityPair)
