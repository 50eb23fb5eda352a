"""``allennlp-elmo``: the vectors of AllenNLP 2.10.1's own ELMo."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch
from pydantic import Field

from elmobench.core.digests import digest_of
from elmobench.core.errors import ConfigError, ModelError
from elmobench.core.strict_model import StrictModel
from elmobench.core.validation import validated
from elmobench.data.examples import Sentence
from elmobench.data.sentences import as_sentences, as_words
from elmobench.features.allennlp.environment import (
    Environment,
    require_environment,
    requirements_digest,
)
from elmobench.features.allennlp.process import WorkerProcess
from elmobench.features.catalog.entries import ModelEntry
from elmobench.features.catalog.file_digests import cached_sha256
from elmobench.features.elmo.loading import read_weights
from elmobench.features.elmo.options import ElmoOptions, read_options
from elmobench.features.elmo.provider import FACTORY as ELMO_FACTORY
from elmobench.features.provider import FeatureProvider, FloatArray, Layer, ProviderFactory

VERSION: Final = 1
"""Increased by hand when a change of this file or the worker changes any vector."""

CHARACTERS: Final = 50
"""Number of character ids per token in AllenNLP, which ignores the options."""

_BATCH_TOKENS: Final = 4096
"""Maximum per batch: AllenNLP's character CNN needs 0.2 MB per token at the published sizes,
padding included."""

# Maximum number of values of one answer, which is passed in a file.
_ANSWER_VALUES: Final = 1 << 25

State = Literal["zero", "carry"]


class AllenNlpElmoProvider(FeatureProvider):
    """ELMo computed by AllenNLP in a separate process; the same layers as :class:`ElmoProvider`.

    AllenNLP's biLSTM keeps the state of each batch row between batches, and the same row of the
    next batch starts from it. This is the policy ``carry``: sentences are processed in the given
    order, ``batch_size`` at a time; a call begins a new batch and continues from the states of the
    call before; rows beyond the size of a batch keep their state; an empty sentence is a row of two
    boundaries. Such vectors are never stored. Under ``zero``, ``reset_states`` is called before
    each batch. Rows of a batch are independent, so every sentence starts from zeros, and vectors
    equal those of :class:`ElmoProvider` under ``zero`` to within 5e-6.

    The process starts with the first request. It uses as many threads as torch in this process.

    Args:
        name: for messages.
        options: of the model.
        options_path: the options file, for AllenNLP.
        weights: HDF5 file of the published format.
        parameters: number of values in it.
        environment: with AllenNLP.
        state: ``zero`` or ``carry``.
        batch_size: sentences per batch.
    """

    def __init__(
        self,
        name: str,
        options: ElmoOptions,
        options_path: Path,
        weights: Path,
        parameters: int,
        environment: Environment,
        *,
        state: State = "zero",
        batch_size: int = 32,
    ) -> None:
        self.name = name
        self.state = state
        self.cacheable = state != "carry"
        self._options_path = options_path
        self._weights = weights
        self._parameters = parameters
        self._environment = environment
        self._batch_size = batch_size
        self._worker: tuple[int, WorkerProcess] | None = None
        p = options.lstm.projection_dim
        self.layers = (
            Layer("char_cnn", "type", p, repeat=2),
            *(Layer(f"lstm_{i + 1}", "token", 2 * p) for i in range(options.lstm.n_layers)),
        )
        policy: dict[str, Any] = {"policy": state}
        if state == "carry":
            policy["batch_size"] = batch_size
        self._fingerprint = digest_of(
            {
                "kind": "allennlp-elmo",
                "version": VERSION,
                "weights": cached_sha256(weights),
                "options": options.digest,
                "state": policy,
                "requirements": requirements_digest(),
                "arithmetic": "fp32",
                "device": "cpu",
            }
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of weights, options, state policy, requirements and code version."""
        return self._fingerprint

    @property
    def parameters(self) -> int:
        """Number of values in all used weights of the file."""
        return self._parameters

    @property
    def worker(self) -> WorkerProcess:
        """The worker process, started at first use. Raises ModelError if it cannot start."""
        if self._worker is None or self._worker[0] != os.getpid():
            made = WorkerProcess(
                self._environment.python, self._options_path, self._weights, self.name
            )
            self._worker = (os.getpid(), made)
        return self._worker[1]

    def encode_types(self, words: Sequence[str]) -> list[FloatArray]:
        """Return one (V, P) array: the character CNN's vector of each word."""
        words = as_words(words)
        width = self.layers[0].dim
        step = _ANSWER_VALUES // width
        vectors = [
            self._checked(
                self.worker.types(words[i : i + step], torch.get_num_threads()),
                (min(step, len(words) - i), width),
            )
            for i in range(0, len(words), step)
        ]
        return [np.concatenate([np.zeros((0, width), dtype=np.float32), *vectors])]

    def encode_tokens(self, sentences: Sequence[Sequence[str]]) -> list[list[FloatArray]]:
        """Return one (T, 2P) array per biLSTM layer for each sentence."""
        given = as_sentences(sentences)
        layers = [layer.dim for layer in self.layers[1:]]
        results = [[np.zeros((0, dim), dtype=np.float32) for dim in layers] for _ in given]
        for batches in self._rounds(given):
            order = [i for batch in batches for i in batch]
            lengths = [len(given[i]) for i in order]
            vectors = self._checked(
                self.worker.tokens(
                    [[given[i] for i in batch] for batch in batches],
                    self.state == "carry",
                    torch.get_num_threads(),
                ),
                (len(layers), sum(lengths), layers[0]),
            )
            end = 0
            for i, length in zip(order, lengths, strict=True):
                start, end = end, end + length
                results[i] = [vectors[j, start:end].copy() for j in range(len(layers))]
        return results

    def _rounds(self, sentences: Sequence[Sentence]) -> Iterator[list[list[int]]]:
        """Yield batches of sentence indices, as many at a time as fit into one answer."""
        width = sum(layer.dim for layer in self.layers[1:])
        batches: list[list[int]] = []
        values = 0
        for batch in self._batches(sentences):
            more = width * sum(len(sentences[i]) for i in batch)
            if batches and values + more > _ANSWER_VALUES:
                yield batches
                batches, values = [], 0
            batches.append(batch)
            values += more
        if batches:
            yield batches

    def _batches(self, sentences: Sequence[Sentence]) -> Iterator[list[int]]:
        if self.state == "carry":
            for start in range(0, len(sentences), self._batch_size):
                yield list(range(start, min(start + self._batch_size, len(sentences))))
            return
        # Longest first, so that the first row of a batch gives its length.
        order = sorted(
            (i for i, sentence in enumerate(sentences) if sentence),
            key=lambda i: -len(sentences[i]),
        )
        while order:
            longest = len(sentences[order[0]]) + 2
            rows = max(1, min(self._batch_size, _BATCH_TOKENS // longest))
            yield order[:rows]
            order = order[rows:]

    def _checked(self, vectors: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        if vectors.shape != shape:
            raise ModelError(
                f"AllenNLP gave vectors of shape {vectors.shape}, expected {shape}",
                where=f"features {self.name!r}",
                fix="check that options and weights belong to the same published model",
            )
        return vectors

    def library_versions(self) -> dict[str, str]:
        """Versions in AllenNLP's environment, and of this program, which stores the vectors."""
        own = super().library_versions()
        return {"elmobench": own["elmobench"], **self._environment.versions}

    def describe(self) -> dict[str, Any]:
        """Describe this provider for a run record; JSON values only."""
        return super().describe() | {
            "state": self.state,
            "arithmetic": "fp32",
            "device": "cpu",
            "environment": self._environment.versions,
        }


class _Settings(StrictModel):
    state: State = "zero"
    batch_size: int = Field(default=32, ge=1)


class AllenNlpElmoFactory(ProviderFactory):
    """Files ``options`` and ``weights``, options ``state`` and ``batch_size``."""

    contextual = True

    def entry_at(self, path: str, base: Path | None, where: str) -> tuple[ModelEntry, Path | None]:
        """Return the entry of ``allennlp-elmo:folder``, with the same files as ``elmo:folder``."""
        entry, folder = ELMO_FACTORY.entry_at(path, base, where)
        own = {"provider": "allennlp-elmo", "description": f"ELMo from {path}, by AllenNLP"}
        return entry.model_copy(update=own), folder

    def load(self, name: str, files: dict[str, Any], options: dict[str, Any]) -> FeatureProvider:
        """Build the provider.

        Raises:
            ConfigError: for an unknown option, or if the environment has not been built.
            ModelError: if a file is missing or damaged, the two do not match, or AllenNLP would
                read the model wrongly.
        """
        where = f"features {name!r}"
        settings = validated(_Settings, options, where)
        for role in ("options", "weights"):
            if role not in files:
                raise ConfigError(
                    f"no file for the role {role!r}",
                    where=where,
                    fix="give both: files: {options: {path: …}, weights: {path: …}}",
                )
        environment = require_environment(where)
        parsed = read_options(Path(files["options"]))
        _refuse_misread(parsed, where)
        # Read here as well, for the checks: AllenNLP silently loads incomplete models.
        arrays = read_weights(Path(files["weights"]), parsed)
        return AllenNlpElmoProvider(
            name,
            parsed,
            Path(files["options"]),
            Path(files["weights"]),
            sum(array.size for array in arrays.values()),
            environment,
            state=settings.state,
            batch_size=settings.batch_size,
        )


def _refuse_misread(options: ElmoOptions, where: str) -> None:
    """Raise ModelError for options that AllenNLP ignores or does not support."""
    fix = "use `elmo:`, which supports it"
    length = options.char_cnn.max_characters_per_token
    if length != CHARACTERS:
        raise ModelError(
            f"AllenNLP reads {CHARACTERS} characters per token, but the model has {length}",
            where=where,
            fix=fix,
        )
    if not options.lstm.use_skip_connections:
        raise ModelError(
            "AllenNLP does not support models without skip connections (use_skip_connections)",
            where=where,
            fix=fix,
        )


FACTORY = AllenNlpElmoFactory()
