"""Trained heads on disk: the weights as safetensors, everything else as JSON.

``head.json`` contains the digests of all other files of the head, and its own, so that damage of
any of them is noticed when the head is read.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from pydantic import ConfigDict, Field
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import nn

from elmobench.core.digests import file_sha256
from elmobench.core.errors import ModelError
from elmobench.core.files import atomic_path, writing
from elmobench.core.parsing import parsing, read_bytes
from elmobench.core.sealed import read_sealed_json, write_sealed_json
from elmobench.core.strict_model import StrictModel
from elmobench.nn.feature_mixer import PartConfig
from elmobench.nn.mix_mode import MixMode
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.head import Arithmetic
from elmobench.tasks.registries import get_head
from elmobench.training.model import BenchModel, input_dims, make_mixer
from elmobench.training.trainable_vectors import WordVocabulary

FORMAT_VERSION = 3
"""Format of the files that are written.

Earlier formats are still read: heads of formats 1 and 2 have no digests, and heads of format 1 do
not lower-case the words of trainable parts.
"""
_READABLE = (1, 2, FORMAT_VERSION)
_LONGEST_MESSAGE = 400
HEAD, WEIGHTS = "head.json", "weights.safetensors"
_WROTE_IT = "use the version of elmobench that wrote it, or run the experiment again"
_AGAIN = "the cell's result is not affected; to have the head again, train the cell again"


class DamagedHeadError(ModelError):
    """A file of a saved head is damaged."""


class SavedPart(StrictModel):
    """One part of the features that a head was trained on.

    ``device`` is the kind of device on which its vectors were computed. ``places`` are the
    placements where the part enters; None means all placements of the head.
    """

    model_config = ConfigDict(frozen=False, allow_inf_nan=True)

    settings: dict[str, Any]
    fingerprint: str
    num_layers: int
    dim: int
    places: list[str] | None = None
    static: bool = False
    device: str = "cpu"

    @property
    def finetuned(self) -> bool:
        """Whether the weights of the model were trained too, and are saved with the head."""
        return bool(self.settings.get("finetuned", False))


class SavedHead(StrictModel):
    """The content of ``head.json``: everything except the weights.

    A head stays on the machine that trained it, so the file may name a folder: ``models_base``, to
    which paths in ``models`` are relative. ``vocabulary`` has the words of the trainable parts in
    the order of their rows, and ``lowercase`` says whether they are lower-cased. ``files`` has the
    SHA-256 of every other file of the head.
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
    arithmetic: Arithmetic = "float32"
    models: dict[str, Any] = Field(default_factory=dict)
    models_base: str | None = None
    files: dict[str, str] = Field(default_factory=dict)

    def word_vocabulary(self) -> WordVocabulary | None:
        """The words of the trainable parts; None without such a part."""
        if self.vocabulary is None:
            return None
        return WordVocabulary(self.vocabulary, lowercase=self.lowercase)


EncoderOf = Callable[[SavedHead, SavedPart], nn.Module]
"""Makes the model of a part that was trained with its head."""


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
    """Write ``weights.safetensors`` and then ``head.json`` into ``folder``.

    Raises:
        ModelError: if they cannot be written, for instance because the disk is full. The folder
            has no head then: what was written of it is removed.
    """
    weights = {
        name: t.detach().cpu().contiguous().clone() for name, t in model.state_dict().items()
    }
    with _saving(folder):
        # An earlier head of the cell must not be taken for the description of the new weights.
        (folder / HEAD).unlink(missing_ok=True)
        with atomic_path(folder / WEIGHTS, private=True) as temporary:
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
            arithmetic=model.arithmetic,
            models=dict(models),
            models_base=None if models_base is None else str(models_base),
            files={WEIGHTS: file_sha256(folder / WEIGHTS)},
        )
        write_sealed_json(folder / HEAD, saved.model_dump(mode="json"))


@contextmanager
def _saving(folder: Path) -> Iterator[None]:
    """Turn a failure to write into ModelError, after removing what was written."""
    fix = (
        "make room or correct the permissions; to have the head, delete the cell's record then and "
        "run the experiment again: only this cell is trained again"
    )
    try:
        with writing(folder, ModelError, fix=fix):
            yield
    except ModelError:
        remove_model(folder)
        raise


def remove_model(folder: Path) -> bool:
    """Remove the files of a head, whose space may be needed; returns whether there were any."""
    files = [path for name in (HEAD, WEIGHTS) if (path := folder / name).exists()]
    with contextlib.suppress(OSError):  # the caller reports the failure that led here
        for path in files:
            path.unlink(missing_ok=True)
    return bool(files)


def load_model(
    folder: Path, again: str = _AGAIN, encoder: EncoderOf | None = None
) -> tuple[BenchModel, SavedHead]:
    """Read a trained head; the model is in evaluation mode.

    Args:
        folder: of the head.
        again: how to train the cell again, for errors about damage.
        encoder: makes the model of a part that was trained with the head; its weights are loaded.

    Raises:
        DamagedHeadError: if a file is damaged, which is named.
        ModelError: if it is missing, of another format version, or of an earlier version
            of its preset that is built differently.
    """
    path = folder / HEAD
    if not path.exists():
        raise ModelError(
            "no trained head here",
            where=str(folder),
            fix="heads are not committed with results: run the experiment on this machine",
        )
    content = read_sealed_json(path, DamagedHeadError, required=_is_sealed, fix=again)
    version = content.get("format_version")
    if type(version) is not int or version not in _READABLE:
        raise ModelError(
            f"saved head of format {version!r:.40}; this version reads "
            + ", ".join(map(str, _READABLE)),
            where=str(path),
            fix=_WROTE_IT,
        )
    with parsing(path, DamagedHeadError, what="not a saved head", fix=again):
        saved = SavedHead.model_validate(content)
    weights = _checked_weights(folder, saved, again)
    try:
        # Torch raises RuntimeError for sizes that no tensor can have.
        with parsing(path, ModelError, what=_built_differently(saved), fix=_WROTE_IT):
            model = _empty_model(saved, encoder)
    except RuntimeError as error:
        raise ModelError(
            f"{_built_differently(saved)}: {_short(error)}", where=str(path), fix=_WROTE_IT
        ) from error
    try:
        model.load_state_dict(load(weights))
    except (ValueError, KeyError, SafetensorError, RuntimeError) as error:
        raise ModelError(
            f"the weights do not fit: {_short(error)}",
            where=str(folder / WEIGHTS),
            fix=f"an earlier version of {saved.pipeline}/{saved.head} may have saved them: use the "
            "version of elmobench that wrote them, or run the experiment again",
        ) from error
    return model.eval(), saved


def _built_differently(saved: SavedHead) -> str:
    return f"the head {saved.pipeline}/{saved.head} of this version is built differently"


def _short(error: Exception) -> str:
    return shorten(str(error), _LONGEST_MESSAGE, placeholder=" …")


def _is_sealed(content: Mapping[str, Any]) -> bool:
    """Whether ``head.json`` is of the format that has digests; others are refused by version."""
    return content.get("format_version") == FORMAT_VERSION


def _checked_weights(folder: Path, saved: SavedHead, again: str) -> bytes:
    """The bytes of the weights, after comparing them with their digest if there is one."""
    wanted = saved.files.get(WEIGHTS)
    if wanted is None and saved.format_version == FORMAT_VERSION:
        raise DamagedHeadError(
            f"is damaged: it has no digest of {WEIGHTS}", where=str(folder / HEAD), fix=again
        )
    path = folder / WEIGHTS
    weights = read_bytes(path, DamagedHeadError, fix=again)
    if wanted is not None and hashlib.sha256(weights).hexdigest() != wanted:
        raise DamagedHeadError(
            f"is damaged: it is not the file whose digest {HEAD} states", where=str(path), fix=again
        )
    return weights


def _empty_model(saved: SavedHead, encoder: EncoderOf | None) -> BenchModel:
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
    tuned = {i: part for i, part in enumerate(saved.parts) if part.finetuned}
    assert encoder is not None or not tuned, "a head with a model of its own needs an encoder"
    return BenchModel(
        mixers,
        reads,
        preset.head(dims, saved.codec, options),
        saved.arithmetic,
        {i: encoder(saved, part) for i, part in tuned.items()} if encoder else None,
    )
