"""The contract of every source of frozen vectors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from elmobench.core.errors import ConfigError
from elmobench.core.registry import Registry
from elmobench.features.catalog.entries import ModelEntry
from elmobench.features.catalog.model_files import local_path

if TYPE_CHECKING:
    from elmobench.core.progress import DownloadProgress

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Layer:
    """How one layer of a provider is stored.

    Attributes:
        name: what users read, for example ``"char_cnn"`` or ``"lstm_1"``.
        kind: ``"type"`` if the vector depends on the word's spelling alone, else ``"token"``.
        dim: number of stored values a vector.
        repeat: the vector that users see is the stored one, this many times side by side
            (ELMo's layer 0 is ``[x ; x]``: stored once, repeated twice).
    """

    name: str
    kind: Literal["type", "token"]
    dim: int
    repeat: int = 1


class FeatureProvider(ABC):
    """Frozen vectors for tokenised sentences: evaluation mode, no gradients.

    Layers count from 0 and all have ``dim`` values. Equal fingerprints mean equal vectors,
    to 5e-6, whatever the batch, the order or the number of threads.
    """

    name: str
    """The catalog's name or the path it was loaded from: for messages only."""

    layers: tuple[Layer, ...]

    cacheable: bool = True
    """False if a sentence's vectors depend on what was encoded before it."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """SHA-256 (hex) over weights, options, state policy, arithmetic and code version."""

    @property
    def num_layers(self) -> int:
        """Number of layers L."""
        return len(self.layers)

    @property
    def dim(self) -> int:
        """Values a vector, D; the same for all layers."""
        return self.layers[0].dim * self.layers[0].repeat

    @property
    @abstractmethod
    def parameters(self) -> int:
        """Number of values in the weights that produce the vectors."""

    @property
    def parameter_count_is_cheap(self) -> bool:
        """Whether :attr:`parameters` is known without reading a whole file for it."""
        return True

    @abstractmethod
    def encode_types(self, words: Sequence[str]) -> list[FloatArray]:
        """Stored vectors of the ``"type"`` layers, in layer order: one (V, dim_j) array each."""

    @abstractmethod
    def encode_tokens(self, sentences: Sequence[Sequence[str]]) -> list[list[FloatArray]]:
        """Stored vectors of the ``"token"`` layers for each sentence: one (T, dim_j) array each.

        An empty sentence gives arrays of shape (0, dim_j).
        """

    @contextmanager
    def precompute_words(self, words: Sequence[str]) -> Iterator[None]:
        """Inside the block the work that depends on ``words`` alone is done once.

        It is done for all of them together, so that what comes out is a function of ``words``
        and not of which calls follow. Providers without such work need not care.

        Args:
            words: distinct words of everything that will be encoded.
        """
        yield

    def encode(self, sentences: Sequence[Sequence[str]]) -> list[FloatArray]:
        """All layers of every sentence, in the given order: one (L, T, D) array each."""
        words = sorted({token for sentence in sentences for token in sentence})
        row = {word: i for i, word in enumerate(words)}
        with self.precompute_words(words):
            by_type = self.encode_types(words) if words else []
            by_token = self.encode_tokens(sentences)
        result = []
        for sentence, token_layers in zip(sentences, by_token, strict=True):
            out = np.zeros((self.num_layers, len(sentence), self.dim), dtype=np.float32)
            if len(sentence):
                rows = [row[token] for token in sentence]
                types, tokens = iter(by_type), iter(token_layers)
                for j, layer in enumerate(self.layers):
                    stored = next(types)[rows] if layer.kind == "type" else next(tokens)
                    out[j] = np.tile(stored, (1, layer.repeat))
            result.append(out)
        return result

    def coverage(self, words: Sequence[str]) -> dict[str, float] | None:
        """Share of ``words`` (tokens, repeats counted) and of their types that have a vector.

        None where every word has one by construction (character models).
        """
        return None

    def describe(self) -> dict[str, Any]:
        """What a record keeps of this provider; JSON values only."""
        return {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "layers": [layer.name for layer in self.layers],
            "dim": self.dim,
            "parameters": self.parameters,
        }


class ProviderFactory(ABC):
    """Builds a provider from a catalog entry; registered in :data:`PROVIDERS`."""

    def entry_at(self, path: str, base: Path | None, where: str) -> tuple[ModelEntry, Path | None]:
        """The entry that ``provider:path`` stands for, and the folder of its relative paths.

        Args:
            path: what stands after the colon.
            base: folder that relative paths begin at; None for the current one.
            where: the features spec, for messages.

        Raises:
            ConfigError: if such models have no path, as by default.
            ModelError: if there is nothing at ``path``.
        """
        raise ConfigError(
            "such features are not named by a path",
            where=where,
            fix="define them in a models: mapping, with provider and options",
        )

    def local_files(
        self,
        entry: ModelEntry,
        chosen: Mapping[str, str],
        base: Path | None,
        where: str,
        trust_first: bool = False,
        progress: DownloadProgress | None = None,
    ) -> dict[str, Path]:
        """Local, checked paths of the entry's files by role, fetched where need be.

        Args:
            entry: names them.
            chosen: settings that go before the entry's options.
            base: folder that relative paths begin at; None for the current one.
            where: the features, for messages.
            trust_first: accept and pin downloads whose digest nobody knows.
            progress: called as bytes of a download arrive.

        Raises:
            ModelError, DigestError, DownloadError
        """
        return {
            role: local_path(file, base, f"{where}, {role}", trust_first, progress)
            for role, file in entry.files.items()
        }

    @abstractmethod
    def load(self, name: str, files: dict[str, Any], options: dict[str, Any]) -> FeatureProvider:
        """Build the provider. ``files`` maps roles (``"weights"``, …) to local, checked paths."""


PROVIDERS: Registry[ProviderFactory] = Registry("provider", "elmobench.providers")
PROVIDERS.add_lazy(
    "elmo", "elmobench.features.elmo.provider:FACTORY", "ELMo from options + weights"
)
PROVIDERS.add_lazy(
    "elmo-random",
    "elmobench.features.elmo.provider:RANDOM_FACTORY",
    "ELMo with seeded random weights",
)
PROVIDERS.add_lazy(
    "allennlp-elmo",
    "elmobench.features.allennlp.provider:FACTORY",
    "ELMo by AllenNLP, in an environment of its own",
)
PROVIDERS.add_lazy("static", "elmobench.features.static:FACTORY", "word vectors, text or binary")
PROVIDERS.add_lazy(
    "transformer",
    "elmobench.features.transformer.factory:FACTORY",
    "any Hugging Face encoder or decoder",
)
PROVIDERS.add_lazy(
    "random", "elmobench.features.static.random_vectors:FACTORY", "a random vector a word type"
)
