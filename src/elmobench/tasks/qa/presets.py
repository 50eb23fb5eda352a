"""Presets of the heads for question answering."""

from __future__ import annotations

from elmobench.tasks.head import HeadPreset, MixDefaults, TrainingOptions
from elmobench.tasks.probe_grid import PROBE_GRID
from elmobench.tasks.qa.bidaf import Bidaf, BidafOptions
from elmobench.tasks.qa.document_qa import DocumentQa, DocumentQaOptions
from elmobench.tasks.qa.linear import LinearSpan, LinearSpanOptions
from elmobench.tasks.qa.self_attention import SelfAttentionOptions, SelfAttentionSpan

LINEAR = HeadPreset(
    head=LinearSpan,
    options=LinearSpanOptions(),
    training=TrainingOptions(
        batch_size=32,
        epochs=10,
        patience=3,
        grid=PROBE_GRID,
    ),
    mix=MixDefaults(dropout=0.0, static_dropout=0.0, standardize=True),
    version=1,
)


SMALL = HeadPreset(
    head=SelfAttentionSpan,
    options=SelfAttentionOptions(hidden=50, linear=100, char_filters=50, prediction="linear"),
    # A step costs a GRU's time more than its batch: large batches, at a higher rate.
    training=TrainingOptions(batch_size=64, lr=2e-3, epochs=10, patience=3),
    mix=MixDefaults(dropout=0.0, static_dropout=0.0),
    version=3,
    placements=("input", "output"),
)


# Source: document-qa, docqa/elmo/ablate_elmo_model.py. The mixed ELMo vectors have a dropout of 0.5
# at both placements. The variational dropout of 0.2 before the first GRU, which is the head's own,
# applies to GloVe, characters and ELMo at the input. So GloVe gets 0.2 once, and ELMo at the input
# gets both. GloVe is frozen, and unknown words are zero.
PAPER = HeadPreset(
    head=DocumentQa,
    options=DocumentQaOptions(),
    training=TrainingOptions(
        optimizer="adadelta",
        lr=1.0,
        optimizer_options={"rho": 0.95, "eps": 1e-8},
        batch_size=45,
        epochs=24,
        patience=24,
        clip_norm=None,
        average=0.999,
    ),
    mix=MixDefaults(
        dropout=0.5, static_dropout=0.0, trainable_lowercase=False, trainable_unknown="zero"
    ),
    version=4,
    placements=("input", "output"),
)


# Source: allennlp-models 2.10.1, training_config/rc/bidaf.jsonnet (frozen, lower-cased GloVe of 100
# values) and bidaf_elmo.jsonnet (the same + ELMo at the input, without a dropout of its own).
BIDAF = HeadPreset(
    head=Bidaf,
    options=BidafOptions(),
    training=TrainingOptions(
        optimizer_options={"betas": [0.9, 0.9]},
        batch_size=40,
        epochs=20,
        patience=10,
        clip_norm=5.0,
        plateau_factor=0.5,
        plateau_patience=2,
    ),
    mix=MixDefaults(
        dropout=0.0, static_dropout=0.0, trainable_lowercase=True, trainable_unknown="normal"
    ),
    version=1,
    placements=("input", "output"),
)
