"""Small copies of trained models: half precision, without what only training needs."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from safetensors.torch import load_file, save

from elmobench.core.digests import file_sha256
from elmobench.core.errors import ConfigError, ModelError
from elmobench.core.files import atomic_path, remove_leftovers, write_bytes
from elmobench.core.parsing import parsing
from elmobench.features.catalog.entries import ModelEntry, read_entries
from elmobench.pretraining.model_card import (
    CATALOG,
    ModelCard,
    card_of,
    catalog_entry,
    check_model_name,
    write_card,
    write_catalog,
)
from elmobench.pretraining.writing import STARTS_AGAIN, writing

_FIX = "run the training of this model again, which writes its files, or get the model again"
_LARGEST = float(np.finfo(np.float16).max)


def pack(folders: Sequence[Path], out: Path) -> list[ModelCard]:
    """Write small copies of finished models below ``out``, and one catalog of all of them.

    Each model gets a folder with weights, card and README. The ``weights.hdf5`` of an ELMo is
    still float32, which all readers support; its values are rounded to half precision and
    compressed. ``out/models.yaml`` lists the models, so that ``out`` can be a folder of
    ``ELMOBENCH_MODELS``; an existing file is replaced.

    Args:
        folders: folders that ``elmobench pretrain`` has finished.
        out: created if necessary.

    Returns:
        The cards of the copies.

    Raises:
        ConfigError: if a folder has no model card (training may not be finished), or two models
            have the same name.
        ModelError: if a weight is too large for half precision, a file does not have the digest
            that its catalog states, or a copy cannot be written.
    """
    cards: dict[str, ModelCard] = {}
    entries: dict[str, Any] = {}
    for folder in folders:
        card, entry = _finished(folder)
        check_model_name(card.name, str(folder))
        if card.name in cards:
            raise ConfigError(f"two models have the name {card.name!r}", where=str(folder))
        target = out / card.name
        files = _files(entry)
        with writing(target, fix=STARTS_AGAIN):
            remove_leftovers(target)
        for name in files.values():
            _copy(folder / name, target / name)
        rounded = any(Path(name).suffix in _COPIERS for name in files.values())
        cards[card.name] = card.model_copy(update={"precision": "half"} if rounded else {})
        write_card(target, cards[card.name])
        entries[card.name] = catalog_entry(
            out,
            card,
            provider=entry.provider,
            files={role: f"{card.name}/{name}" for role, name in files.items()},
            dim=entry.expect.dim,
            layers=entry.expect.layers,
        )
    write_catalog(out, entries)
    return list(cards.values())


def catalog_below(folder: Path) -> list[str]:
    """Write ``folder/models.yaml``, which lists all finished models in its subfolders.

    Returns:
        The names of the models.
    """
    entries: dict[str, Any] = {}
    with writing(folder, fix=STARTS_AGAIN):
        remove_leftovers(folder)
    for below in sorted(path for path in folder.iterdir() if (path / CATALOG).is_file()):
        for name, entry in read_entries(below / CATALOG).items():
            content = entry.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
            for file in content["files"].values():
                file["path"] = f"{below.name}/{file['path']}"
            entries[name] = content
    write_catalog(folder, entries)
    return list(entries)


def _finished(folder: Path) -> tuple[ModelCard, ModelEntry]:
    card = card_of(folder)
    if card is None or not (folder / CATALOG).is_file():
        raise ConfigError(
            "not a finished model: there is no model card",
            where=str(folder),
            fix="give a folder that `elmobench pretrain` has finished",
        )
    entry = read_entries(folder / CATALOG).get(card.name)
    if entry is None:
        raise ConfigError(
            f"the catalog has no model {card.name!r}, which the model card is of",
            where=str(folder / CATALOG),
            fix=_FIX,
        )
    for role, file in _files(entry).items():
        if Path(file).name != file:
            raise ConfigError(
                f"{file!r} is not the name of a file in the model's folder",
                where=str(folder / CATALOG),
                fix=_FIX,
            )
        with parsing(folder / file, ModelError, fix=_FIX):
            digest = file_sha256(folder / file)
        if digest != entry.files[role].sha256:
            raise ModelError(
                f"is damaged: it does not have the digest that {CATALOG} states",
                where=str(folder / file),
                fix=_FIX,
            )
    return card, entry


def _files(entry: ModelEntry) -> dict[str, str]:
    """The files of a model by role."""
    return {role: str(file.path) for role, file in entry.files.items()}


def _copy(source: Path, target: Path) -> None:
    copy = _COPIERS.get(source.suffix)
    if copy is None:
        with writing(target, fix=STARTS_AGAIN), atomic_path(target) as temporary:
            shutil.copyfile(source, temporary)
        return
    with parsing(source, ModelError, what="is no file of weights", fix=_FIX):
        content = copy(source)
    with writing(target, fix=STARTS_AGAIN):
        write_bytes(target, content)


def _hdf5(source: Path) -> bytes:
    content = io.BytesIO()  # on a full disk, HDF5 fails while it closes a file
    with h5py.File(source, "r") as old, h5py.File(content, "w") as new:

        def visit(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                values = torch.from_numpy(np.asarray(item, dtype=np.float32))
                rounded = _half(values, source, name).float().numpy()
                # Shuffling puts the zero bytes of all values together, and one chunk compresses
                # them with one code; without these two the file is larger by a sixth.
                new.create_dataset(
                    name,
                    data=rounded,
                    chunks=rounded.shape,
                    compression="gzip",
                    compression_opts=9,
                    shuffle=True,
                )

        old.visititems(visit)
    return content.getvalue()


def _safetensors(source: Path) -> bytes:
    tensors = load_file(source)
    halves = {
        name: _half(value, source, name) if value.is_floating_point() else value
        for name, value in tensors.items()
    }
    # transformers does not read files without this entry.
    return save(halves, metadata={"format": "pt"})


def _half(values: torch.Tensor, source: Path, name: str) -> torch.Tensor:
    largest = values.abs().max().item() if values.numel() else 0.0
    if not largest <= _LARGEST:
        raise ModelError(
            f"{name} has a value of {largest:g}, but the largest in half precision is {_LARGEST:g}",
            where=str(source),
            fix="do not pack this model",
        )
    return values.half()


_COPIERS: dict[str, Callable[[Path], bytes]] = {
    ".hdf5": _hdf5,
    ".safetensors": _safetensors,
}
