"""A small saved head, without a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from elmobench.nn.feature_mixer import PartConfig
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.registries import get_head
from elmobench.training.model import BenchModel, make_mixer
from elmobench.training.saved import SavedPart, save_model
from elmobench.training.trainable_vectors import WordVocabulary

SETTINGS = {
    **{"name": "random", "label": "a", "mix": "learned", "gamma": True, "norm": "none", "l2": 0.0},
    **{"dropout": 0.0, "trainable": False, "provider": {}},
}


def save_linear_head(
    folder: Path, labels: Sequence[str] = ("neg", "pos"), words: Sequence[str] | None = None
) -> None:
    """Save ``sentiment/linear`` on one part of width 5."""
    preset = get_head("sentiment", "linear")
    codec = LabelCodec(labels=list(labels))
    part = PartConfig(name="a", num_layers=1, dim=5)
    mixer = make_mixer([part], (0,), False, None)
    model = BenchModel(
        {"input": mixer}, {"input": (0,)}, preset.head({"input": 5}, codec, preset.options)
    )
    save_model(
        folder,
        model,
        pipeline="sentiment",
        head="linear",
        options=preset.options.model_dump(mode="json"),
        codec=codec,
        parts=[SavedPart(settings=SETTINGS, fingerprint="f", num_layers=1, dim=5)],
        placements=["input"],
        standardize=False,
        vocabulary=None if words is None else WordVocabulary(words, lowercase=False),
        models={},
        models_base=None,
    )
