"""Presets of the heads for semantic role labelling."""

from __future__ import annotations

from elmobench.tasks.head import HeadPreset, MixDefaults, TrainingOptions
from elmobench.tasks.probe_grid import PROBE_GRID
from elmobench.tasks.srl.linear import LinearRoles, LinearRolesOptions
from elmobench.tasks.srl.recurrent import (
    AlternatingRoles,
    AlternatingRolesOptions,
    LstmRoles,
    LstmRolesOptions,
)

LINEAR = HeadPreset(
    head=LinearRoles,
    options=LinearRolesOptions(),
    training=TrainingOptions(
        batch_size=32,
        epochs=15,
        patience=3,
        grid=PROBE_GRID,
    ),
    mix=MixDefaults(dropout=0.0, static_dropout=0.0, standardize=True),
    version=1,
)


SMALL = HeadPreset(
    head=LstmRoles,
    options=LstmRolesOptions(),
    training=TrainingOptions(batch_size=64, epochs=15, patience=5),
    mix=MixDefaults(dropout=0.0, static_dropout=0.0),
    version=1,
    placements=("input", "output"),
)


# Source: AllenNLP 0.9, training_config/semantic_role_labeler_elmo.jsonnet (ELMo alone, with a
# dropout of 0.1) and semantic_role_labeler.jsonnet, the baseline (trainable GloVe of 100
# dimensions, no dropout on the input, a bias on the encoder's input, patience 20: override
# options.input_bias and training.patience, as paper/table1-srl does). The baseline's vectors are of
# lower-cased words, but its tokens are as spelt, so that a capitalised word starts from random
# numbers. Further dropout is inside the encoder: on the states that a layer returns, as in AllenNLP
# 0.9; AllenNLP 2 drops only what the next step reads.
# Equal to allennlp-models' SemanticRoleLabeler weight for weight (`elmobench reference heads srl
# srl-baseline`). Three differences stay: AllenNLP's decoding adds a sentence's probabilities to
# 100,000 in float32, which rounds their sum to 1/128; it flags every token whose tag ends in -V,
# here only the predicate is; and it also trains on sentences without a predicate.
PAPER = HeadPreset(
    head=AlternatingRoles,
    options=AlternatingRolesOptions(),
    training=TrainingOptions(
        optimizer="adadelta",
        lr=1.0,
        optimizer_options={"rho": 0.95},
        batch_size=80,
        epochs=500,
        # Of the configuration with ELMo; that of the baseline is 20.
        patience=200,
        clip_norm=None,
        clip_value=1.0,
    ),
    mix=MixDefaults(
        dropout=0.1,
        static_dropout=0.0,
        l2=0.001,
        trainable_lowercase=False,
        trainable_unknown="normal",
    ),
    version=3,
    placements=("input", "output"),
)
