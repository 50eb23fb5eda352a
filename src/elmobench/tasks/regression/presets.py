"""Presets of the heads for regression on texts and pairs."""

from __future__ import annotations

from elmobench.tasks.regression.heads import (
    Linear,
    LinearPair,
    Mlp,
    MlpPair,
    Recurrent,
    RecurrentPair,
)
from elmobench.tasks.vector_heads import LinearOptions, MlpOptions, RecurrentOptions
from elmobench.tasks.vector_presets import hidden_preset, linear_preset

LINEAR = linear_preset(Linear, LinearOptions())
MLP = hidden_preset(Mlp, MlpOptions(), 15)
SMALL = hidden_preset(Recurrent, RecurrentOptions(), 12)
PAIR_LINEAR = linear_preset(LinearPair, LinearOptions())
PAIR_MLP = hidden_preset(MlpPair, MlpOptions(), 15)
PAIR_SMALL = hidden_preset(RecurrentPair, RecurrentOptions(), 12)
