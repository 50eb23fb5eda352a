"""Use a trained head on new text."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch

from elmobench.core.errors import (
    ConfigError,
    DataError,
    ElmobenchWarning,
    ModelError,
    UnknownNameError,
)
from elmobench.data.examples import Sentence
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.finetuning.encoder import TrainableEncoder
from elmobench.finetuning.start import trainable_encoder
from elmobench.tasks.head import Batch
from elmobench.tasks.registries import PIPELINES
from elmobench.tracking.packed import KEY_LENGTH, PACKED_FILES, RECORDS
from elmobench.tracking.record import RunRecord, read_record
from elmobench.tracking.record_store import RecordStore
from elmobench.training.batching import Collator, ExampleSet, SentenceTable
from elmobench.training.devices import resolved_device
from elmobench.training.part_sources import LivePart, NoVectors
from elmobench.training.saved import SavedHead, SavedPart, load_model

_BATCH = 32
T = TypeVar("T")


def find_record(name: str, results: Path) -> tuple[RecordStore, str]:
    """The results folder and the cell that ``name`` means.

    Args:
        name: a record file, or the first characters of a cell's name.
        results: the cell is searched in this folder and the folders in it.

    Raises:
        UnknownNameError: if there is none.
        ConfigError: if the names of several cells start with ``name``, or it is a packed file.
    """
    if Path(name).name in PACKED_FILES:
        raise ConfigError(
            "a packed file has many cells",
            where=name,
            fix="give the first characters of a cell's name: `elmobench report` lists them in "
            "cells.csv",
        )
    if os.path.isfile(name):
        # The user may have named any file, so the advice is not to delete it.
        record = read_record(Path(name), fix=_NAME_A_RECORD)
        return RecordStore(Path(name).parent.parent), record.cell
    if not os.path.isdir(results):
        raise UnknownNameError(
            "there is no such folder", where=str(results), fix="name one with --results FOLDER"
        )
    matches, damaged = _matches(name, results if name else None)
    if not matches and damaged:
        raise damaged[0]
    if not matches:
        raise UnknownNameError(f"no record {name!r} in {results}", fix=_NAME_A_RECORD)
    for error in damaged:
        warnings.warn(f"passed over while searching: {error}", ElmobenchWarning, stacklevel=2)
    if len(matches) > 1:
        # Two experiments may share a cell, and perhaps only one of them has kept its head.
        heads = [(store, cell) for store, cell in matches if has_head(store, cell)]
        if len({cell for _, cell in matches}) == 1 and heads:
            return heads[0]
        raise ConfigError(
            f"{len(matches)} records start with {name!r}",
            fix="give more characters of one, or name its results folder with --results: "
            + ", ".join(f"{cell} in {store.folder}" for store, cell in matches[:5]),
        )
    return matches[0]


_NAME_A_RECORD = (
    "give a file in 'records', or a cell's name: `elmobench report` lists them in cells.csv"
)


def _matches(
    name: str, results: Path | None
) -> tuple[list[tuple[RecordStore, str]], list[DataError]]:
    """The cells whose names start with ``name``, and the errors of damaged files on the way."""
    matches: list[tuple[RecordStore, str]] = []
    damaged: list[DataError] = []
    for store in _stores(results):
        try:
            cells = [cell for cell in store.cell_names() if cell.startswith(name[:KEY_LENGTH])]
            records = [record for cell in cells if (record := store.read(cell)) is not None]
        except DataError as error:
            damaged.append(error)
            continue
        matches += [(store, record.cell) for record in records if record.cell.startswith(name)]
    return matches, damaged


def _stores(results: Path | None) -> Iterator[RecordStore]:
    """The results folders in ``results``, packed or not, sorted; none for None."""
    if results is not None:
        folders = {path.parent for path in results.rglob("records") if os.path.isdir(path)}
        folders |= {path.parent for path in results.rglob(RECORDS)}
        yield from (RecordStore(folder) for folder in sorted(folders))


def has_head(store: RecordStore, cell: str) -> bool:
    """Whether the results folder has the trained head of ``cell`` (by its digest)."""
    return os.path.exists(store.head_folder(cell) / "head.json")


def _start_model(
    models: dict[str, Any] | None, saved: SavedHead, part: SavedPart
) -> TrainableEncoder:
    """The model of a part that was trained with the head, with its weights before that."""
    provider = _catalog(saved, models, "cpu").load(part.settings["name"], part.settings["provider"])
    return trainable_encoder(provider, f"features {part.settings['label']}")


def _catalog(saved: SavedHead, models: dict[str, Any] | None, device: str) -> ModelCatalog:
    """The models that a head can name, with the user's own entries."""
    base = Path(saved.models_base) if saved.models_base else None
    return ModelCatalog({**saved.models, **(models or {})}, base, device=device)


class Predictor:
    """Predicts with the trained head of one cell.

    Args:
        store: the results folder, which must have the trained head.
        cell: the cell's name.
        models: your own catalog entries, as in an experiment's ``models:`` block.

    Raises:
        UnknownNameError: if there is no such record.
        ModelError: if the cell failed, the head is missing or damaged, or a model is not the one
            it was trained on.
    """

    def __init__(self, store: RecordStore, cell: str, models: dict[str, Any] | None = None) -> None:
        record = store.read(cell)
        if record is None:
            raise UnknownNameError(f"no record of cell {cell}", where=str(store.folder))
        if record.status == "failed":
            raise ModelError(
                f"this cell failed, so there is no trained head: {record.error or 'unknown error'}",
                where=f"{store.folder}: cell {cell[:KEY_LENGTH]}",
                fix="correct what failed and run the experiment again: failed cells are run again",
            )
        self.record: RunRecord = record
        again = store.fix_by_running_again(cell)
        try:
            self._model, self._saved = load_model(
                store.head_folder(cell), again, partial(_start_model, models)
            )
        except ModelError as error:
            lost = record.run.warnings if record.run else []
            if lost and not has_head(store, cell):
                raise ModelError("; ".join(lost), where=error.where, fix=again) from error
            raise
        self.pipeline = PIPELINES.get(self._saved.pipeline)
        here = resolved_device("auto")
        catalogs = {name: _catalog(self._saved, models, name) for name in {"cpu", here}}
        self._providers = []
        for part in self._saved.parts:
            device = part.device if part.device == here else "cpu"
            provider = catalogs[device].load(part.settings["name"], part.settings["provider"])
            if device != part.device:
                warnings.warn(
                    f"{part.settings['name']}: this head was trained on vectors of a GPU, and "
                    "there is none here. They are computed on the processor, differ in their "
                    "last bits, and whether it is the same model cannot be checked",
                    ElmobenchWarning,
                    stacklevel=2,
                )
            elif provider.fingerprint != part.fingerprint:
                raise ModelError(
                    f"{part.settings['name']} is not the model that this head was trained on",
                    where=f"{store.folder}: cell {cell}",
                    fix=f"needed: fingerprint {part.fingerprint[:16]}…, "
                    f"found {provider.fingerprint[:16]}…",
                )
            self._providers.append(provider)
        self._vocabulary = self._saved.word_vocabulary()

    def predict(
        self, texts: Sequence[str | Sequence[str]], *, tokenized: bool = False
    ) -> Iterator[tuple[Sentence, Any]]:
        """Yield the tokens and the prediction of each text.

        Args:
            texts: strings, or sequences of tokens.
            tokenized: split strings at blanks and tabs only.
        """
        examples = self._examples(texts, tokenized)
        yield from zip(
            map(self.pipeline.tokens, examples), self.predict_examples(examples), strict=True
        )

    def _examples(self, texts: Sequence[str | Sequence[str]], tokenized: bool) -> list[Any]:
        return [
            self.pipeline.from_text(text, tokenized=tokenized)
            if isinstance(text, str)
            else self.pipeline.from_tokens(tuple(text))
            for text in texts
        ]

    def predict_examples(
        self, examples: Sequence[Any], respell: Callable[[Sentence], Sentence] | None = None
    ) -> Iterator[Any]:
        """Yield the prediction of each example.

        Args:
            examples: of the head's pipeline; their gold annotation is ignored.
            respell: replaces the words of a sentence by as many others, which are read instead.
        """
        yield from self._over_batches(examples, self._model.predict, respell)

    def probabilities(
        self, texts: Sequence[str | Sequence[str]], *, tokenized: bool = False
    ) -> Iterator[dict[str, float]]:
        """Yield the probability of every label for each text.

        Args:
            texts, tokenized: as for :meth:`predict`.

        Raises:
            ConfigError: the head does not give probabilities of labels.
        """
        yield from self._over_batches(self._examples(texts, tokenized), self._probabilities)

    def _probabilities(self, batch: Batch[Any]) -> list[dict[str, float]]:
        found = self._model.probabilities(batch)
        if found is None:
            raise ConfigError(
                f"the head {self._saved.head!r} of pipeline {self._saved.pipeline} does not give "
                "probabilities of labels",
                fix="heads that give a text or a pair one label, or a set of labels, do; leave out "
                "--probabilities",
            )
        return found

    def _over_batches(
        self,
        examples: Sequence[Any],
        compute: Callable[[Batch[Any]], list[T]],
        respell: Callable[[Sentence], Sentence] | None = None,
    ) -> Iterator[T]:
        """Yield what ``compute`` returns for each example."""
        for start in range(0, len(examples), _BATCH):
            chosen = examples[start : start + _BATCH]
            table = SentenceTable()
            data = ExampleSet(self.pipeline, chosen, table)
            if respell is not None:
                table = table.respelled(respell)
            parts = [
                NoVectors()
                if part.finetuned
                else LivePart(provider, self._spelled(table.sentences, part))
                for provider, part in zip(self._providers, self._saved.parts, strict=True)
            ]
            collator = Collator(
                table,
                parts,
                [None] * len(parts),
                self._vocabulary,
                per_text=self._providers[0].per_text,
            )
            with torch.inference_mode():
                found = list(compute(collator.batch(data, range(len(chosen)))))
            yield from found  # outside: inference mode would go on in the caller's code

    def _spelled(self, sentences: Sequence[Sentence], part: SavedPart) -> Sequence[Sentence]:
        """The sentences as ``part`` reads them: a trainable part may be lower-cased.

        Its frozen vectors are used for words that it was not trained with.
        """
        if self._vocabulary is None or not part.settings["trainable"]:
            return sentences
        return [self._vocabulary.spell(sentence) for sentence in sentences]
