"""Use a trained head on new text."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from elmobench.core.errors import ConfigError, ModelError, UnknownNameError
from elmobench.data.examples import Sentence
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.tasks.registries import PIPELINES
from elmobench.tracking.record import RecordStore, RunRecord, read_record
from elmobench.training.batching import Collator, ExampleSet, LivePart, SentenceTable
from elmobench.training.saved import load_model

_BATCH = 32


def find_record(name: str, results: Path) -> Path:
    """The record file ``name``: a path, or the start of a cell's name in folders below ``results``.

    Raises:
        UnknownNameError: if there is none.
        ConfigError: if the names of several cells start with ``name``.
    """
    if Path(name).is_file():
        return Path(name)
    # File names have the first 16 letters of a cell's name, which tables give in full.
    paths = sorted(results.rglob(f"records/{glob.escape(name[:16])}*.json")) if name else []
    matches = [path for path in paths if read_record(path).cell.startswith(name)]
    if not matches:
        raise UnknownNameError(
            f"no record {name!r} in {results}",
            fix="give a file in a 'records' folder, or a cell's name: `elmobench report` lists "
            "them in cells.csv",
        )
    if len(matches) > 1:
        # Two experiments may share a cell, and perhaps only one of them has kept its head.
        heads = [path for path in matches if has_head(path)]
        if len({path.stem for path in matches}) == 1 and heads:
            return heads[0]
        raise ConfigError(
            f"{len(matches)} records start with {name!r}",
            fix="give one of the files: " + ", ".join(str(path) for path in matches[:5]),
        )
    return matches[0]


def has_head(record_path: Path) -> bool:
    """Whether the results folder of a record has its trained head."""
    store = RecordStore(record_path.parent.parent)
    return (store.head_folder(record_path.stem) / "head.json").exists()


class Predictor:
    """Predicts with the trained head of one record.

    Args:
        record_path: the record's file; its results folder must have the trained head.
        models: your own catalogue entries, as in an experiment's ``models:`` block.

    Raises:
        ModelError: if the head is missing, or a model is not the one it was trained on.
    """

    def __init__(self, record_path: Path, models: dict[str, Any] | None = None) -> None:
        self.record: RunRecord = read_record(record_path)
        folder = record_path.parent.parent
        self._model, self._saved = load_model(RecordStore(folder).head_folder(self.record.cell))
        self.pipeline = PIPELINES.get(self._saved.pipeline)
        base = Path(self._saved.models_base) if self._saved.models_base else None
        catalogue = ModelCatalog({**self._saved.models, **(models or {})}, base)
        self._providers = []
        for part in self._saved.parts:
            provider = catalogue.load(part.settings["name"], part.settings["provider"])
            if provider.fingerprint != part.fingerprint:
                raise ModelError(
                    f"{part.settings['name']} is not the model that this head was trained on",
                    where=str(record_path),
                    fix=f"needed: fingerprint {part.fingerprint[:16]}…, "
                    f"found {provider.fingerprint[:16]}…",
                )
            self._providers.append(provider)
        words = self._saved.vocabulary
        self._vocabulary = None if words is None else {w: i + 1 for i, w in enumerate(words)}

    def predict(
        self, texts: Sequence[str | Sequence[str]], *, tokenized: bool = False
    ) -> Iterator[tuple[Sentence, Any]]:
        """Yield the tokens and the prediction of each text.

        Args:
            texts: strings, or sequences of tokens.
            tokenized: split strings at spaces only.
        """
        examples = [
            self.pipeline.from_text(text, tokenized=tokenized)
            if isinstance(text, str)
            else self.pipeline.from_tokens(tuple(text))
            for text in texts
        ]
        yield from zip(
            map(self.pipeline.tokens, examples), self.predict_examples(examples), strict=True
        )

    def predict_examples(
        self, examples: Sequence[Any], respell: Callable[[Sentence], Sentence] | None = None
    ) -> Iterator[Any]:
        """Yield the prediction of each example.

        Args:
            examples: of the head's pipeline; their gold annotation is ignored.
            respell: replaces the words of a sentence by as many others, which are read instead.
        """
        for start in range(0, len(examples), _BATCH):
            chosen = examples[start : start + _BATCH]
            table = SentenceTable()
            data = ExampleSet(self.pipeline, chosen, table)
            if respell is not None:
                table = table.respelled(respell)
            parts = [LivePart(provider, table.sentences) for provider in self._providers]
            collator = Collator(table, parts, [None] * len(parts), self._vocabulary)
            with torch.inference_mode():
                yield from self._model.predict(collator.batch(data, range(len(chosen))))
