"""Trained heads of earlier versions of the presets still load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from elmobench.core.errors import ModelError
from elmobench.nn.feature_mixer import PartConfig
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.coref.end_to_end import EndToEndOptions, EndToEndRanker
from elmobench.tasks.head import Head
from elmobench.tasks.registries import get_head
from elmobench.tasks.tagging.pipeline import BIOUL
from elmobench.training.model import BenchModel, make_mixer
from elmobench.training.saved import SavedPart, load_model, save_model

TAGS = ["O", "B-X", "I-X"]
SETTINGS = {
    **{"label": "a", "mix": "learned", "gamma": True, "norm": "none", "l2": 0.0},
    **{"dropout": 0.0, "trainable": False},
}
PART = PartConfig(name="a", num_layers=1, dim=5)
CASES = {
    "ner": LabelCodec(labels=["O", "U-X"], extra={"scheme": BIOUL, "characters": "ab"}),
    "nli": LabelCodec(labels=["a", "b"]),
    "srl": LabelCodec(labels=TAGS),
}
SIZES = {
    "ner": {"hidden": 3},
    "nli": {"hidden": 3, "feedforward": 3},
    "srl": {"layers": 2, "hidden": 3},
}
SINCE = {"ner": ["initialization"], "nli": ["initialization"], "srl": ["input_bias"]}
"""Options that version 2 of the preset did not have."""


def save(folder: Path, pipeline: str, head: Head[Any], options: dict[str, Any]) -> BenchModel:
    """Save ``head`` on one part of width 5 as the ``paper`` head of ``pipeline``."""
    model = BenchModel({"input": make_mixer([PART], (0,), False, None)}, {"input": (0,)}, head)
    save_model(
        folder,
        model,
        pipeline=pipeline,
        head="paper",
        options=options,
        codec=head.codec,
        parts=[SavedPart(settings=SETTINGS, fingerprint="f", num_layers=1, dim=5)],
        placements=["input"],
        standardize=False,
        vocabulary=None,
        models={},
        models_base=None,
    )
    return model


@pytest.mark.parametrize("pipeline", CASES)
def test_a_paper_head_of_version_2(pipeline: str, tmp_path: Path) -> None:
    preset = get_head(pipeline, "paper")
    options: dict[str, Any] = {**preset.options.model_dump(mode="json"), **SIZES[pipeline]}
    head = preset.head({"input": 5}, CASES[pipeline], type(preset.options)(**options))
    before = {name: value for name, value in options.items() if name not in SINCE[pipeline]}
    assert before != options
    model = save(tmp_path, pipeline, head, before)
    assert json.loads((tmp_path / "head.json").read_text())["options"] == before
    loaded, _ = load_model(tmp_path)
    weights = model.state_dict()
    assert loaded.state_dict().keys() == weights.keys()
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, weights[name])


def test_a_head_that_is_built_differently_now_is_an_error_that_says_so(tmp_path: Path) -> None:
    """Version 3 of ``qa/paper`` was another class, with an option that is gone."""
    preset = get_head("qa", "paper")
    codec = LabelCodec(labels=[], extra={"characters": "ab", "character_counts": [99, 99]})
    head = preset.head({"input": 5}, codec, preset.options)
    save(tmp_path, "qa", head, {"prediction": "recurrent"})
    with pytest.raises(
        ModelError, match=r"(?s)qa/paper of this version is built differently.*prediction"
    ):
        load_model(tmp_path)


def test_a_coreference_head_of_version_1_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    """``coref/paper`` was another model then."""
    codec = LabelCodec(
        labels=[], extra={"kind": "documents", "singletons": False, "characters": "ab"}
    )
    options = EndToEndOptions(hidden=3, feedforward=3, iterations=2)
    head = EndToEndRanker({"input": 5}, codec, options)
    save(
        tmp_path,
        "coref",
        head,
        options.model_dump(mode="json", exclude={"training_sentences"}),
    )
    message = "earlier version of coref/paper may have saved them"
    with pytest.raises(ModelError, match=message) as error:
        load_model(tmp_path)
    assert len(error.value.what) < 500  # not the names of all weights
