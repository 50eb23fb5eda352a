"""Presets of the heads that give a text a set of labels."""

from __future__ import annotations

from elmobench.data.examples import LabelledText
from elmobench.tasks.majority import MajoritySet, majority_preset
from elmobench.tasks.multilabel.heads import (
    LinearSet,
    LinearSetOptions,
    MlpSet,
    MlpSetOptions,
    RecurrentSet,
    RecurrentSetOptions,
)
from elmobench.tasks.multilabel.pipeline import PIPELINE
from elmobench.tasks.vector_presets import hidden_preset, linear_preset

LINEAR = linear_preset(LinearSet, LinearSetOptions())
MLP = hidden_preset(MlpSet, MlpSetOptions(), 15)
SMALL = hidden_preset(RecurrentSet, RecurrentSetOptions(), 12)


class MajorityTextSet(MajoritySet[LabelledText]):
    """:class:`MajoritySet` of this pipeline."""

    pipeline = PIPELINE


MAJORITY = majority_preset(MajorityTextSet)
