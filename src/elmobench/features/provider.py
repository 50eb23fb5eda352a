"""The interface of every source of frozen vectors, and the registry of providers."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator

from elmobench.core.errors import ConfigError, ElmobenchWarning
from elmobench.core.registry import Registry
from elmobench.core.versions import library_versions
from elmobench.data.sentences import as_sentences
from elmobench.features.catalog.entries import ModelEntry
from elmobench.features.catalog.model_files import local_path
from elmobench.features.coverage import FEWEST_TOKENS, CoverageCount, low_coverage

if TYPE_CHECKING:
    from elmobench.core.progress import DownloadProgress

FloatArray = NDArray[np.float32]

_SEED_BITS: Final = 1024


def _short(seed: int) -> int:
    if seed.bit_length() > _SEED_BITS:
        raise ValueError(f"a seed has at most {_SEED_BITS} bits")
    return seed


Seed = Annotated[int, AfterValidator(_short)]
"""A seed of a provider: any integer of at most 1024 bits, also a negative one."""


@dataclass(frozen=True, slots=True)
class Layer:
    """How one layer of a provider is stored.

    Attributes:
        name: shown to users, for example ``"char_cnn"`` or ``"lstm_1"``.
        kind: ``"type"`` if a vector depends only on the word's spelling, else ``"token"``.
        dim: values per stored vector.
        repeat: how many copies of the stored vector are concatenated to give the vector that users
            see (ELMo's layer 0 is ``[x ; x]``: stored once, repeated twice).
    """

    name: str
    kind: Literal["type", "token"]
    dim: int
    repeat: int = 1


class FeatureProvider(ABC):
    """Frozen vectors for tokenised sentences: evaluation mode, no gradients.

    Layers are numbered from 0, and the vectors of every layer have ``dim`` values. Equal
    fingerprints mean equal vectors to within 5e-6, whatever the batch, the order of the sentences
    or the number of threads.

    >>> from elmobench import load_provider
    >>> provider = load_provider("elmo-mini")
    >>> provider.num_layers, provider.dim
    (3, 256)
    >>> [vectors.shape for vectors in provider.encode([["The", "cat", "sat"], ["Hi"]])]
    [(3, 3, 256), (3, 1, 256)]
    """

    name: str
    """Catalog name, or the path that the model was loaded from; used only in messages."""

    layers: tuple[Layer, ...]

    cacheable: bool = True
    """False if the vectors of a sentence depend on what was encoded before it."""

    per_text: bool = False
    """Whether a whole text has one vector: T is 1 whatever its number of tokens. The text is its
    tokens joined by blanks.
    """

    only_here: bool = False
    """Whether only the process that was given the model can encode: its vectors are stored before
    other processes begin.
    """

    any_text: bool = True
    """False if only some sentences can be encoded; :meth:`check_sentences` shows which."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """SHA-256 (hex) of weights, options, state policy, arithmetic and code version."""

    @property
    def num_layers(self) -> int:
        """Number of layers L."""
        return len(self.layers)

    @property
    def dim(self) -> int:
        """Values per vector, D; the same for all layers."""
        return self.layers[0].dim * self.layers[0].repeat

    @property
    def contextual(self) -> bool:
        """Whether a word's vectors depend on its sentence, in at least one layer.

        It is a property of the whole model: the context-free layer 0 of ELMo, read alone by
        ``@layer=0``, still is a part of a contextual model.
        """
        return any(layer.kind == "token" for layer in self.layers)

    @property
    @abstractmethod
    def parameters(self) -> int:
        """Number of values in the weights that produce the vectors."""

    @property
    def parameter_count_is_cheap(self) -> bool:
        """Whether :attr:`parameters` is known without reading a whole file."""
        return True

    @abstractmethod
    def encode_types(self, words: Sequence[str]) -> list[FloatArray]:
        """Encode words for the ``"type"`` layers.

        Returns:
            The vectors to store: one (V, dim_j) array per layer, in layer order.
        """

    @abstractmethod
    def encode_tokens(self, sentences: Sequence[Sequence[str]]) -> list[list[FloatArray]]:
        """Encode sentences for the ``"token"`` layers.

        Returns:
            For each sentence the vectors to store: one (T, dim_j) array per layer, in layer order.
            An empty sentence gives arrays of shape (0, dim_j). With :attr:`per_text` they are of
            shape (1, dim_j), also for an empty text.
        """

    def check_sentences(self, sentences: Iterable[Sequence[str]]) -> None:  # noqa: B027
        """Raise an error if some of ``sentences`` cannot be encoded, before any work is done.

        A model encodes every sentence, so that most providers need not override this.
        """

    @contextmanager
    def precompute_words(self, words: Sequence[str]) -> Iterator[None]:
        """Do the work that depends only on the words once, for all calls inside the block.

        All words are processed together, so that the result is a function of ``words`` and does
        not depend on the calls that follow. Providers without such work need not override this.

        Args:
            words: the distinct words of everything that will be encoded.
        """
        yield

    def encode(self, sentences: Iterable[Iterable[str]]) -> list[FloatArray]:
        """Encode sentences: all layers of each, in the given order, as one (L, T, D) array.

        Warns if almost no token has a vector.

        Args:
            sentences: lists, tuples, arrays or series of tokens; a generator is read once.

        Raises:
            TypeError: if a sentence is a string, or anything else that is not tokens.
        """
        count = CoverageCount(self.name)
        vectors = self.encode_counted(sentences, count)
        count.warn()
        return vectors

    def encode_counted(
        self, sentences: Iterable[Iterable[str]], count: CoverageCount
    ) -> list[FloatArray]:
        """Encode as :meth:`encode` does, and count the tokens with a vector in place of a warning.

        For text that is encoded in several calls.
        """
        sentences = as_sentences(sentences)
        words = sorted({token for sentence in sentences for token in sentence})
        row = {word: i for i, word in enumerate(words)}
        with self.precompute_words(words):
            by_type = self.encode_types(words) if words else []
            by_token = self.encode_tokens(sentences)
        result = []
        for sentence, token_layers in zip(sentences, by_token, strict=True):
            length = 1 if self.per_text else len(sentence)
            out = np.zeros((self.num_layers, length, self.dim), dtype=np.float32)
            if length:
                rows = [row[token] for token in sentence]
                types, tokens = iter(by_type), iter(token_layers)
                for j, layer in enumerate(self.layers):
                    stored = next(types)[rows] if layer.kind == "type" else next(tokens)
                    out[j] = np.tile(stored, (1, layer.repeat))
            result.append(out)
        if self.per_text:
            return result
        shares = self.coverage([token for sentence in sentences for token in sentence])
        count.add(sentences, result, None if shares is None else shares["tokens"])
        return result

    def coverage(self, words: Sequence[str]) -> dict[str, float] | None:
        """Return the share of tokens and the share of types that have a vector.

        None if every word has a vector by construction (character models).

        Args:
            words: tokens, with repetitions.
        """
        return None

    def warn_uncovered(self, sentences: Sequence[Sequence[str]]) -> None:
        """Emit an ElmobenchWarning if almost no token of a text has a vector; encodes nothing."""
        tokens = [token for sentence in sentences for token in sentence]
        shares = self.coverage(tokens)
        if shares is not None and len(tokens) >= FEWEST_TOKENS:
            for note in low_coverage({self.name: shares}):
                warnings.warn(note, ElmobenchWarning, stacklevel=2)

    def library_versions(self) -> dict[str, str]:
        """Versions of the libraries that compute the vectors, and the GPU if one does.

        They are stored with the vectors. Override it if another environment computes them.
        """
        device = str(getattr(self, "device", "cpu"))
        if device == "cpu":
            return library_versions()
        from elmobench.features.arithmetic import device_versions

        return library_versions() | device_versions(device)

    def describe(self) -> dict[str, Any]:
        """Describe this provider for a run record; JSON values only."""
        return {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "layers": [layer.name for layer in self.layers],
            "dim": self.dim,
            "parameters": self.parameters,
        }


class ProviderFactory(ABC):
    """Builds a provider from a catalog entry; registered in :data:`PROVIDERS`."""

    contextual: bool | None = None
    """Whether its providers are contextual (see :attr:`FeatureProvider.contextual`). A factory that
    declares it lets experiments be planned before a model is downloaded; None if only a loaded
    model can tell.
    """

    takes_device: bool = False
    """Whether its providers have an option ``device``, ``cpu`` or ``cuda``."""

    def entry_at(self, path: str, base: Path | None, where: str) -> tuple[ModelEntry, Path | None]:
        """Return the entry that ``provider:path`` means, and the folder for its relative paths.

        Args:
            path: the text after the colon.
            base: folder that relative paths start from; None for the current one.
            where: the features spec, for messages.

        Raises:
            ConfigError: if such models are not named by a path, which is the default.
            ModelError: if nothing is found at ``path``.
        """
        raise ConfigError(
            "features of this kind are not named by a path",
            where=where,
            fix="define them in a models: mapping, with provider and options",
        )

    def without_unread_files(self, entry: ModelEntry, chosen: Mapping[str, str]) -> ModelEntry:
        """Return the entry without files that a model with these settings does not read.

        Args:
            entry: names the files.
            chosen: settings that override the entry's options.
        """
        return entry

    def local_files(
        self,
        entry: ModelEntry,
        chosen: Mapping[str, str],
        base: Path | None,
        where: str,
        trust_first: bool = False,
        progress: DownloadProgress | None = None,
    ) -> dict[str, Path]:
        """Return local paths of the entry's files by role; fetch missing files, check all digests.

        Args:
            entry: names the files.
            chosen: settings that override the entry's options.
            base: folder that relative paths start from; None for the current one.
            where: the features, for messages.
            trust_first: accept downloads without a known digest, and pin them.
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
        """Build the provider.

        Args:
            name: of the features.
            files: local paths by role (``"weights"``, …); their digests have been checked.
            options: of the provider.
        """


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
    "ELMo computed by AllenNLP, in a separate environment",
)
PROVIDERS.add_lazy("static", "elmobench.features.static:FACTORY", "word vectors, text or binary")
PROVIDERS.add_lazy(
    "transformer",
    "elmobench.features.transformer.factory:FACTORY",
    "any Hugging Face encoder or decoder",
)
PROVIDERS.add_lazy(
    "vectors",
    "elmobench.features.vector_files.provider:FACTORY",
    "vectors of given sentences: HDF5, safetensors or NPZ",
)
PROVIDERS.add_lazy(
    "sentence",
    "elmobench.features.sentence.provider:FACTORY",
    "one vector per text: sentence-transformers, model2vec",
)
PROVIDERS.add_lazy(
    "function", "elmobench.features.functions:FACTORY", "a Python function, given from Python"
)
PROVIDERS.add_lazy(
    "random", "elmobench.features.static.random_vectors:FACTORY", "one random vector per word type"
)
