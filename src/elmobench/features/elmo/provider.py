"""ELMo as a feature provider: from published weights, or with random ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from elmobench.core.digests import digest_of
from elmobench.core.errors import ConfigError
from elmobench.core.validation import validated
from elmobench.data.examples import as_sentence
from elmobench.features.arithmetic import strict_float32
from elmobench.features.catalog.entries import ModelEntry, ModelFile
from elmobench.features.catalog.file_digests import cached_sha256
from elmobench.features.catalog.model_files import find_model_path
from elmobench.features.elmo.characters import BEGIN_SENTENCE, END_SENTENCE
from elmobench.features.elmo.encoding import StatePolicy, TokenEncoder
from elmobench.features.elmo.loading import Arrays, build_network, read_weights
from elmobench.features.elmo.options import ElmoOptions, parse_options, read_options
from elmobench.features.elmo.random_weights import RANDOM_WEIGHTS_VERSION, random_arrays
from elmobench.features.elmo.warm_up import WARM_UP
from elmobench.features.provider import FeatureProvider, FloatArray, Layer, ProviderFactory

Arithmetic = Literal["fp32", "bf16"]
Device = Literal["cpu", "cuda"]
_DTYPES: Final = {"fp32": torch.float32, "bf16": torch.bfloat16}

VERSION: Final = 1
"""Bumped by hand when any vector changes by more than 5e-6; golden tests guard it."""


# Vectors of all words of a dataset are kept while it is encoded, up to 400 MB.
_SHARED_VALUES: Final = 100_000_000


class ElmoProvider(FeatureProvider):
    """Frozen ELMo: layer 0 from the character CNN, then one layer a biLSTM layer.

    With P the projection's width, layer 0 is stored as (V, P) and shown twice side by side;
    the others are (T, 2P), forward and backward.

    Args:
        name: for messages.
        options: shape and arithmetic of the model.
        arrays: datasets under the names of the published files.
        weights_digest: identity of ``arrays``.
        state: what every sentence starts from; see :class:`TokenEncoder`.
        batch_size: rows a batch under ``carry``; the other policies do not depend on it.
        arithmetic: of the biLSTM's products. ``bf16`` rounds their factors and results to 8
            significant bits: faster where the processor has it, and another fingerprint. Cells,
            residuals and the character CNN stay in fp32.
        device: ``cpu`` or ``cuda``.

    Raises:
        ConfigError: if there is no such device.
    """

    def __init__(
        self,
        name: str,
        options: ElmoOptions,
        arrays: Arrays,
        weights_digest: str,
        *,
        state: StatePolicy = "zero",
        batch_size: int = 32,
        arithmetic: Arithmetic = "fp32",
        device: Device = "cpu",
    ) -> None:
        self.name = name
        self.options = options
        self.state = state
        self.arithmetic = arithmetic
        self.device = device
        self.cacheable = state != "carry"
        if device == "cuda" and not torch.cuda.is_available():
            raise ConfigError(
                "there is no CUDA device, or this PyTorch is built without CUDA",
                where=f"features {name!r}",
                fix="leave @device=cuda out, or install a CUDA build of torch",
            )
        self._network = build_network(options, arrays, _DTYPES[arithmetic], device)
        self._shared: tuple[dict[str, int], Tensor] | None = None
        self._encoder = TokenEncoder(self._network, state, batch_size, self._word_vectors)
        p = options.lstm.projection_dim
        self.layers = (
            Layer("char_cnn", "type", p, repeat=2),
            *(Layer(f"lstm_{i + 1}", "token", 2 * p) for i in range(options.lstm.n_layers)),
        )
        policy: dict[str, Any] = {"policy": state}
        if state == "warm":
            policy["text"] = digest_of(WARM_UP)
        elif state == "carry":
            policy["batch_size"] = batch_size
        self._fingerprint = digest_of(
            {
                "kind": "elmo",
                "version": VERSION,
                "weights": weights_digest,
                "options": options.digest,
                "state": policy,
                "arithmetic": arithmetic,
                "device": device,
            }
        )

    @classmethod
    def from_files(
        cls,
        options: Path,
        weights: Path,
        *,
        name: str | None = None,
        state: StatePolicy = "zero",
        batch_size: int = 32,
        arithmetic: Arithmetic = "fp32",
        device: Device = "cpu",
    ) -> ElmoProvider:
        """Load a model of the AllenNLP/bilm-tf format.

        Raises:
            ModelError: if a file is missing or damaged, or the two disagree.
        """
        parsed = read_options(options)
        arrays = read_weights(weights, parsed)
        return cls(
            name or str(weights.parent),
            parsed,
            arrays,
            cached_sha256(weights),
            state=state,
            batch_size=batch_size,
            arithmetic=arithmetic,
            device=device,
        )

    @classmethod
    def random(
        cls,
        options: ElmoOptions,
        seed: int = 0,
        *,
        name: str = "elmo-random",
        state: StatePolicy = "zero",
        batch_size: int = 32,
        arithmetic: Arithmetic = "fp32",
        device: Device = "cpu",
    ) -> ElmoProvider:
        """A model of this shape whose weights are a function of ``seed`` alone."""
        return cls(
            name,
            options,
            random_arrays(options, seed),
            digest_of({"random": RANDOM_WEIGHTS_VERSION, "seed": seed}),
            state=state,
            batch_size=batch_size,
            arithmetic=arithmetic,
            device=device,
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over weights, options, state policy, arithmetic and code version."""
        return self._fingerprint

    @property
    def rows(self) -> int:
        """Rows of the recurrent products at most."""
        return self._network.bilstm.rows

    @property
    def parameters(self) -> int:
        """Number of values in all weights of the file that are used."""
        return self._network.parameters

    def encode_types(self, words: Sequence[str]) -> list[FloatArray]:
        """One (V, P) array: the character CNN's vector of each word."""
        if not words:
            return [np.zeros((0, self.layers[0].dim), dtype=np.float32)]
        with strict_float32():
            vectors: NDArray[np.float32] = self._word_vectors(words).cpu().numpy()
        return [vectors]

    def encode_tokens(self, sentences: Sequence[Sequence[str]]) -> list[list[FloatArray]]:
        """For each sentence one (T, 2P) array a biLSTM layer.

        A pure function of ``sentences``, except under ``carry``, where row i of a batch goes
        on from row i of the batch before: sentences are taken in the given order,
        ``batch_size`` at a time, and a call begins a new batch.
        """
        with strict_float32():
            return self._encoder([as_sentence(sentence) for sentence in sentences])

    @contextmanager
    def precompute_words(self, words: Sequence[str]) -> Iterator[None]:
        """Inside the block the character CNN has run, once, over ``words``.

        Does nothing for so many words that their vectors would not fit into bounded memory.
        """
        every = sorted({BEGIN_SENTENCE, END_SENTENCE, *words})
        if len(every) * self.layers[0].dim > _SHARED_VALUES:
            yield
            return
        with strict_float32():
            table = self._network.char_cnn(every)
        self._shared = ({word: i for i, word in enumerate(every)}, table)
        try:
            yield
        finally:
            self._shared = None

    def _word_vectors(self, words: Sequence[str]) -> Tensor:
        """(V, P) vectors of ``words``: looked up if shared, else by the character CNN."""
        if self._shared is not None:
            row, table = self._shared
            if all(word in row for word in words):
                return table[[row[word] for word in words]]
        return self._network.char_cnn(words)

    def describe(self) -> dict[str, Any]:
        """What a record keeps of this provider; JSON values only."""
        return super().describe() | {
            "state": self.state,
            "arithmetic": self.arithmetic,
            "device": self.device,
        }


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    state: StatePolicy = "zero"
    batch_size: int = Field(default=32, ge=1)
    arithmetic: Arithmetic = "fp32"
    device: Device = "cpu"


class ElmoFactory(ProviderFactory):
    """Files ``options`` and ``weights``; options ``state`` and ``batch_size`` (for ``carry``)."""

    def entry_at(self, path: str, base: Path | None, where: str) -> tuple[ModelEntry, Path | None]:
        """``elmo:folder`` with ``options.json`` and ``weights.hdf5`` in it."""
        found = find_model_path(path, base, where, folder=True)
        # Absolute: a file that is missing here must not be another folder's.
        folder = found.absolute()
        files = {"options": "options.json", "weights": "weights.hdf5"}
        return (
            ModelEntry(
                provider="elmo",
                files={role: ModelFile(path=str(folder / f)) for role, f in files.items()},
                description=f"ELMo from {path}",
            ),
            folder,
        )

    def load(self, name: str, files: dict[str, Any], options: dict[str, Any]) -> FeatureProvider:
        """Build the provider. Raises ConfigError or ModelError."""
        settings = validated(_Settings, options, f"features {name!r}")
        for role in ("options", "weights"):
            if role not in files:
                raise ConfigError(
                    f"no file for the role {role!r}",
                    where=f"features {name!r}",
                    fix="give both: files: {options: {path: …}, weights: {path: …}}",
                )
        return ElmoProvider.from_files(
            Path(files["options"]),
            Path(files["weights"]),
            name=name,
            state=settings.state,
            batch_size=settings.batch_size,
            arithmetic=settings.arithmetic,
            device=settings.device,
        )


_Positive = Annotated[int, Field(ge=1)]


class _RandomSettings(_Settings):
    """The default is small, so that a demonstration takes seconds: vectors of 128 values."""

    seed: int = 0
    projection_dim: _Positive = 64
    dim: _Positive = 256
    n_layers: _Positive = 2
    char_dim: _Positive = 16
    filters: tuple[tuple[_Positive, _Positive], ...] = ((1, 16), (2, 32), (3, 64), (4, 64), (5, 80))
    n_highway: int = Field(default=1, ge=0)
    activation: Literal["relu", "tanh"] = "relu"
    cell_clip: float | None = Field(default=3.0, gt=0)
    proj_clip: float | None = Field(default=3.0, gt=0)
    use_skip_connections: bool = True

    def elmo_options(self, where: str) -> ElmoOptions:
        """The same sizes in the form of an ``options.json``."""
        return parse_options(
            {
                "char_cnn": {
                    "embedding": {"dim": self.char_dim},
                    "filters": self.filters,
                    "n_highway": self.n_highway,
                    "activation": self.activation,
                },
                "lstm": {
                    "dim": self.dim,
                    "projection_dim": self.projection_dim,
                    "n_layers": self.n_layers,
                    "cell_clip": self.cell_clip,
                    "proj_clip": self.proj_clip,
                    "use_skip_connections": self.use_skip_connections,
                },
            },
            where,
        )


class RandomElmoFactory(ProviderFactory):
    """Option ``seed``, and sizes given one by one or as a file in the role ``options``."""

    def load(self, name: str, files: dict[str, Any], options: dict[str, Any]) -> FeatureProvider:
        """Build the provider. Raises ConfigError or ModelError."""
        where = f"features {name!r}"
        settings = validated(_RandomSettings, options, where)
        if "options" in files:
            sizes = sorted(settings.model_fields_set - set(_Settings.model_fields) - {"seed"})
            if sizes:
                raise ConfigError(
                    f"{', '.join(sizes)} given beside an options file",
                    where=where,
                    fix="state the sizes in one of the two places",
                )
            shape = read_options(Path(files["options"]))
        else:
            shape = settings.elmo_options(where)
        return ElmoProvider.random(
            shape,
            settings.seed,
            name=name,
            state=settings.state,
            batch_size=settings.batch_size,
            arithmetic=settings.arithmetic,
            device=settings.device,
        )


FACTORY = ElmoFactory()
RANDOM_FACTORY = RandomElmoFactory()
