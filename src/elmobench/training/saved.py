"""Trained heads on disk: the weights as safetensors, everything else as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from pydantic import ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from elmobench.core.errors import ModelError
from elmobench.core.files import atomic_path, write_text
from elmobench.core.strict_model import StrictModel
from elmobench.nn.feature_mixer import PartConfig
from elmobench.nn.mix_mode import MixMode
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.registries import get_head
from elmobench.training.model import BenchModel, input_dims, make_mixer
from elmobench.training.trainable_vectors import WordVocabulary

FORMAT_VERSION = 2
"""Format of the files that are written. Heads of format 1 do not lower-case the words of trainable
parts; they are still read.
"""
_READABLE = (1, FORMAT_VERSION)
_LONGEST_MESSAGE = 400


class SavedPart(StrictModel):
    """One part of the features that a head was trained on.

    ``places`` are the placements where the part enters; None means all placements of the head.
    """

    model_config = ConfigDict(frozen=False, allow_inf_nan=True)

    settings: dict[str, Any]
    fingerprint: str
    num_layers: int
    dim: int
    places: list[str] | None = None
    static: bool = False


class SavedHead(StrictModel):
    """The content of ``head.json``: everything except the weights.

    A head stays on the machine that trained it, so the file may name a folder: ``models_base``, to
    which paths in ``models`` are relative. ``vocabulary`` has the words of the trainable parts in
    the order of their rows, and ``lowercase`` says whether they are lower-cased.
    """

    model_config = ConfigDict(frozen=False, allow_inf_nan=True)

    format_version: int
    pipeline: str
    head: str
    options: dict[str, Any]
    codec: LabelCodec
    parts: list[SavedPart]
    placements: list[str]
    standardize: bool
    vocabulary: list[str] | None
    lowercase: bool = False
    models: dict[str, Any] = Field(default_factory=dict)
    models_base: str | None = None

    def word_vocabulary(self) -> WordVocabulary | None:
        """The words of the trainable parts; None without such a part."""
        if self.vocabulary is None:
            return None
        return WordVocabulary(self.vocabulary, lowercase=self.lowercase)


def save_model(
    folder: Path,
    model: BenchModel,
    *,
    pipeline: str,
    head: str,
    options: dict[str, Any],
    codec: LabelCodec,
    parts: Sequence[SavedPart],
    placements: Sequence[str],
    standardize: bool,
    vocabulary: WordVocabulary | None,
    models: Mapping[str, Any],
    models_base: Path | None,
) -> None:
    """Write ``weights.safetensors`` and then ``head.json`` into ``folder``."""
    weights = {name: t.detach().contiguous().clone() for name, t in model.state_dict().items()}
    with atomic_path(folder / "weights.safetensors") as temporary:
        save_file(weights, temporary)
    saved = SavedHead(
        format_version=FORMAT_VERSION,
        pipeline=pipeline,
        head=head,
        options=options,
        codec=codec,
        parts=list(parts),
        placements=list(placements),
        standardize=standardize,
        vocabulary=None if vocabulary is None else list(vocabulary.words),
        lowercase=vocabulary is not None and vocabulary.lowercase,
        models=dict(models),
        models_base=None if models_base is None else str(models_base),
    )
    write_text(folder / "head.json", saved.model_dump_json(indent=1) + "\n")


def load_model(folder: Path) -> tuple[BenchModel, SavedHead]:
    """Read a trained head; the model is in evaluation mode.

    Raises:
        ModelError: if it is missing, damaged, of another format version, or of an earlier version
            of its preset that is built differently.
    """
    path = folder / "head.json"
    try:
        saved = SavedHead.model_validate(json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        raise ModelError(
            "no trained head here",
            where=str(folder),
            fix="heads are not committed with results: run the experiment on this machine",
        ) from None
    except (ValueError, ValidationError) as error:
        raise ModelError(f"not a saved head: {error}", where=str(path)) from error
    if saved.format_version not in _READABLE:
        raise ModelError(
            f"saved head of format {saved.format_version}; this version reads "
            + " and ".join(map(str, _READABLE)),
            where=str(path),
            fix="use the version of elmobench that wrote it, or run the experiment again",
        )
    try:
        model = _empty_model(saved)
    except (ValidationError, KeyError) as error:
        raise ModelError(
            f"the head {saved.pipeline}/{saved.head} of this version is built differently: {error}",
            where=str(path),
            fix="use the version of elmobench that wrote it, or run the experiment again",
        ) from error
    try:
        model.load_state_dict(load_file(folder / "weights.safetensors"))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ModelError(
            f"the weights do not fit: {shorten(str(error), _LONGEST_MESSAGE, placeholder=' …')}",
            where=str(folder / "weights.safetensors"),
            fix=f"an earlier version of {saved.pipeline}/{saved.head} may have saved them: use the "
            "version of elmobench that wrote them, or run the experiment again",
        ) from error
    return model.eval(), saved


def _empty_model(saved: SavedHead) -> BenchModel:
    """The model that ``saved`` describes, before its weights are loaded."""
    preset = get_head(saved.pipeline, saved.head)
    configs = [
        PartConfig(
            name=part.settings["label"],
            num_layers=part.num_layers,
            dim=part.dim,
            mix_mode=MixMode.parse(part.settings["mix"] if part.num_layers > 1 else "learned"),
            gamma=part.settings["gamma"],
            norm=part.settings["norm"],
            l2=part.settings["l2"],
            dropout=part.settings["dropout"],
            trainable=part.settings["trainable"],
            unit=part.settings.get("unit", False),
            static=part.static,
        )
        for part in saved.parts
    ]
    initial = None
    if saved.vocabulary is not None:
        initial = {
            config.name: torch.zeros(len(saved.vocabulary) + 1, config.dim)
            for config in configs
            if config.trainable
        }
    reads = {
        place: [
            i for i, part in enumerate(saved.parts) if part.places is None or place in part.places
        ]
        for place in saved.placements
    }
    mixers = {
        place: make_mixer(configs, indices, saved.standardize, initial)
        for place, indices in reads.items()
    }
    options = type(preset.options).model_validate(saved.options)
    dims = input_dims(preset.head, mixers)
    return BenchModel(mixers, reads, preset.head(dims, saved.codec, options))
