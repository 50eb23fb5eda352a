"""ELMo as a feature provider, with published or random weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from elmobench.core.digests import digest_of
from elmobench.core.errors import ConfigError
from elmobench.core.strict_model import StrictModel
from elmobench.core.validation import validated
from elmobench.data.sentences import as_sentences, as_words
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
from elmobench.features.provider import FeatureProvider, FloatArray, Layer, ProviderFactory, Seed

Arithmetic = Literal["fp32", "bf16"]
Device = Literal["cpu", "cuda"]
_DTYPES: Final = {"fp32": torch.float32, "bf16": torch.bfloat16}

VERSION: Final = 1
"""Increased by hand when any vector changes by more than 5e-6; golden tests check this."""

# Vectors of all words of a dataset are kept in memory while it is encoded, up to 400 MB.
_PRECOMPUTED_VALUES: Final = 100_000_000


class ElmoProvider(FeatureProvider):
    """Frozen ELMo: layer 0 is the character CNN, followed by the biLSTM layers.

    With P the width of the projection, layer 0 is stored as (V, P) and repeated to 2P; the other
    layers are (T, 2P), forward and backward.

    Args:
        name: for messages.
        options: shape and arithmetic of the model.
        arrays: datasets, with the names of the published files.
        weights_digest: identity of ``arrays``.
        state: initial state of every sentence; see :class:`TokenEncoder`.
        batch_size: sentences per batch under ``carry``; the other policies do not depend on it.
        arithmetic: of the biLSTM's products. ``bf16`` rounds their factors and results to 8
            significant bits: faster if the processor supports it, with another fingerprint. Cells,
            residuals and the character CNN stay in fp32.
        device: ``cpu`` or ``cuda``.

    Raises:
        ConfigError: if the device does not exist.
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
        self._files: tuple[Path, Path] | None = None
        if device == "cuda" and not torch.cuda.is_available():
            raise ConfigError(
                "there is no CUDA device, or PyTorch was built without CUDA",
                where=f"features {name!r}",
                fix="leave @device=cuda out, or install a CUDA build of torch",
            )
        self._network = build_network(options, arrays, _DTYPES[arithmetic], device)
        self._precomputed: tuple[dict[str, int], Tensor] | None = None
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
        provider = cls(
            name or str(weights.parent),
            parsed,
            arrays,
            cached_sha256(weights),
            state=state,
            batch_size=batch_size,
            arithmetic=arithmetic,
            device=device,
        )
        provider._files = (options, weights)
        return provider

    @property
    def files(self) -> tuple[Path, Path] | None:
        """The files of options and weights; None for random weights."""
        return self._files

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
        """Create a model of this shape with random weights, a function of ``seed`` only."""
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
        """SHA-256 (hex) of weights, options, state policy, arithmetic and code version."""
        return self._fingerprint

    @property
    def rows(self) -> int:
        """Maximum number of rows of the recurrent products."""
        return self._network.bilstm.rows

    @property
    def parameters(self) -> int:
        """Number of values in all used weights of the file."""
        return self._network.parameters

    def encode_types(self, words: Sequence[str]) -> list[FloatArray]:
        """Return one (V, P) array: the character CNN's vector of each word."""
        words = as_words(words)
        if not words:
            return [np.zeros((0, self.layers[0].dim), dtype=np.float32)]
        with strict_float32():
            vectors: NDArray[np.float32] = self._word_vectors(words).cpu().numpy()
        return [vectors]

    def encode_tokens(self, sentences: Sequence[Sequence[str]]) -> list[list[FloatArray]]:
        """Return one (T, 2P) array per biLSTM layer for each sentence.

        A pure function of ``sentences``, except under ``carry``, where row i of a batch continues
        from row i of the batch before: sentences are processed in the given order, ``batch_size``
        at a time, and each call begins a new batch.
        """
        given = as_sentences(sentences)
        with strict_float32():
            return self._encoder(given)

    @contextmanager
    def precompute_words(self, words: Sequence[str]) -> Iterator[None]:
        """Run the character CNN once over ``words``; calls inside the block look vectors up.

        Does nothing if the vectors of so many words would exceed the memory limit.
        """
        all_words = sorted({BEGIN_SENTENCE, END_SENTENCE, *words})
        if len(all_words) * self.layers[0].dim > _PRECOMPUTED_VALUES:
            yield
            return
        with strict_float32():
            table = self._network.char_cnn(all_words)
        self._precomputed = ({word: i for i, word in enumerate(all_words)}, table)
        try:
            yield
        finally:
            self._precomputed = None

    def _word_vectors(self, words: Sequence[str]) -> Tensor:
        """Return (V, P) vectors of ``words``: looked up if precomputed, else computed."""
        if self._precomputed is not None:
            row, table = self._precomputed
            if all(word in row for word in words):
                return table[[row[word] for word in words]]
        return self._network.char_cnn(words)

    def describe(self) -> dict[str, Any]:
        """Describe this provider for a run record; JSON values only."""
        return super().describe() | {
            "state": self.state,
            "arithmetic": self.arithmetic,
            "device": self.device,
        }


class _Settings(StrictModel):
    state: StatePolicy = "zero"
    batch_size: int = Field(default=32, ge=1)
    arithmetic: Arithmetic = "fp32"
    device: Device = "cpu"


class _FileSettings(_Settings):
    untrained: Seed | None = None


class ElmoFactory(ProviderFactory):
    """Files ``options`` and ``weights``; options ``state``, ``batch_size`` (for ``carry``),
    ``arithmetic``, ``device`` and ``untrained``.

    With ``untrained``, the model has the shape of the options and random weights, as
    ``elmo-random`` has, with this seed; the file of weights is not needed.
    """

    contextual = True
    takes_device = True

    def entry_at(self, path: str, base: Path | None, where: str) -> tuple[ModelEntry, Path | None]:
        """Return the entry of ``elmo:folder``, with ``options.json`` and ``weights.hdf5`` in it."""
        model_folder = find_model_path(path, base, where, folder=True)
        # Absolute, so that a missing file is not looked up in other folders.
        folder = model_folder.absolute()
        files = {"options": "options.json", "weights": "weights.hdf5"}
        return (
            ModelEntry(
                provider="elmo",
                files={role: ModelFile(path=str(folder / f)) for role, f in files.items()},
                description=f"ELMo from {path}",
            ),
            folder,
        )

    def without_unread_files(self, entry: ModelEntry, chosen: Mapping[str, str]) -> ModelEntry:
        """Return the entry without its weights if other ones are drawn."""
        if {**entry.options, **chosen}.get("untrained") is None:
            return entry
        files = {role: file for role, file in entry.files.items() if role != "weights"}
        return entry.model_copy(update={"files": files})

    def load(self, name: str, files: dict[str, Any], options: dict[str, Any]) -> FeatureProvider:
        """Build the provider. Raises ConfigError or ModelError."""
        settings = validated(_FileSettings, options, f"features {name!r}")
        for role in ("options",) if settings.untrained is not None else ("options", "weights"):
            if role not in files:
                raise ConfigError(
                    f"no file for the role {role!r}",
                    where=f"features {name!r}",
                    fix="give both: files: {options: {path: …}, weights: {path: …}}",
                )
        if settings.untrained is not None:
            return ElmoProvider.random(
                read_options(Path(files["options"])),
                settings.untrained,
                name=name,
                state=settings.state,
                batch_size=settings.batch_size,
                arithmetic=settings.arithmetic,
                device=settings.device,
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
    """The default model is small, so that a demonstration takes seconds: vectors of 128 values."""

    seed: Seed = 0
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
        """Return the same sizes as parsed ``options.json``."""
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
    """Option ``seed``, and sizes given as single options or as a file for the role ``options``."""

    contextual = True
    takes_device = True

    def load(self, name: str, files: dict[str, Any], options: dict[str, Any]) -> FeatureProvider:
        """Build the provider. Raises ConfigError or ModelError."""
        where = f"features {name!r}"
        settings = validated(_RandomSettings, options, where)
        if "options" in files:
            sizes = sorted(settings.model_fields_set - set(_Settings.model_fields) - {"seed"})
            if sizes:
                raise ConfigError(
                    f"{', '.join(sizes)} given in addition to an options file",
                    where=where,
                    fix="give the sizes in one of the two places",
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
