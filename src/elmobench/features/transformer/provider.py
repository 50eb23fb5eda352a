"""A frozen transformer as a feature provider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch

from elmobench.core.digests import digest_of
from elmobench.core.errors import ConfigError, ModelError
from elmobench.data.sentences import as_sentences, as_words
from elmobench.features.arithmetic import strict_float32
from elmobench.features.catalog.file_digests import cached_sha256
from elmobench.features.provider import FeatureProvider, FloatArray, Layer
from elmobench.features.transformer.checks import library_errors
from elmobench.features.transformer.encoding import Pooling, WindowEncoder
from elmobench.features.transformer.files import is_weights
from elmobench.features.transformer.loading import LoadedModel, load_model
from elmobench.features.transformer.pieces import WordPieces
from elmobench.features.transformer.untrained import UNTRAINED_VERSION

VERSION: Final = 1
"""Increased by hand when any vector changes by more than 5e-6; golden tests check this."""

Arithmetic = Literal["fp32", "bf16"]


class TransformerProvider(FeatureProvider):
    """All hidden states of a frozen transformer, pooled from pieces to words.

    Layers are the model's ``hidden_states``: layer 0 is the input of the first block (the
    embeddings), followed by the output of each block, where many models apply a final norm to the
    last one. Special tokens are added for encoding, and their vectors are removed. A text longer
    than the window is encoded in overlapping windows, see :func:`plan_windows`; a word longer than
    a window is truncated to the pieces that fit. Words without pieces get zero vectors.

    Args:
        name: for messages.
        model: network and tokenizer.
        files_digest: identity of the files of both.
        pieces: how a word's vector is computed from those of its pieces.
        arithmetic: ``fp32``, or ``bf16`` throughout the network (vectors are still float32).
        device: of the network.
        window: pieces encoded at once, special tokens included; None for the model's maximum.
        stride: pieces between the beginnings of successive windows; None for half a window.

    Raises:
        ConfigError: ``window`` or ``stride`` is out of range for the model.
        ModelError: the network does not give one vector per piece in each layer.
    """

    def __init__(
        self,
        name: str,
        model: LoadedModel,
        files_digest: str,
        *,
        pieces: Pooling = "mean",
        arithmetic: Arithmetic = "fp32",
        device: str = "cpu",
        window: int | None = None,
        stride: int | None = None,
    ) -> None:
        self.name = name
        self.kind = model.kind
        self.pieces = pieces
        self.arithmetic = arithmetic
        self.device = device
        where = f"features {name!r}"
        self._network = model.network
        self._files: dict[str, Path] = {}
        splitter = WordPieces(model.tokenizer, where)
        special = len(splitter.prefix) + len(splitter.suffix)
        self.window = model.window if window is None else window
        if not special < self.window <= model.window:
            raise ConfigError(
                f"the window is {self.window} pieces, {special} of them special tokens",
                where=where,
                fix=f"this model takes {special + 1} to {model.window}",
            )
        room = self.window - special
        self.stride = max(1, room // 2) if stride is None else stride
        if not 1 <= self.stride <= room:
            raise ConfigError(
                f"the stride is {self.stride} pieces",
                where=where,
                fix=f"a window of {self.window} takes strides of 1 to {room}",
            )
        count, dim = _probe(model, device, where)
        self.layers = (
            Layer("embeddings", "token", dim),
            *(Layer(f"block_{i}", "token", dim) for i in range(1, count)),
        )
        self._encoder = WindowEncoder(
            model.network,
            splitter,
            pad_id=model.pad_id,
            window=self.window,
            stride=self.stride,
            pooling=pieces,
            layers=count,
            dim=dim,
            # In bf16 vectors would depend on the batch: another order of a sum rounds differently.
            alone=arithmetic == "bf16",
        )
        self._fingerprint = digest_of(
            {
                "kind": "transformer",
                "version": VERSION,
                "files": files_digest,
                "pieces": pieces,
                "window": self.window,
                "stride": self.stride,
                "arithmetic": arithmetic,
                "device": device.partition(":")[0],
            }
        )

    @classmethod
    def from_files(
        cls,
        files: Mapping[str, Path],
        *,
        name: str,
        pieces: Pooling = "mean",
        arithmetic: Arithmetic = "fp32",
        device: str = "cpu",
        window: int | None = None,
        stride: int | None = None,
        untrained: int | None = None,
    ) -> TransformerProvider:
        """Load a model from its files by name, see :func:`load_model`."""
        model = load_model(
            files, f"features {name!r}", arithmetic=arithmetic, device=device, untrained=untrained
        )
        provider = cls(
            name,
            model,
            _files_digest(files, untrained),
            pieces=pieces,
            arithmetic=arithmetic,
            device=device,
            window=window,
            stride=stride,
        )
        if untrained is None:
            provider._files = dict(files)
        return provider

    @property
    def files(self) -> dict[str, Path]:
        """The files of the model by name; empty if its weights are not those of files."""
        return self._files

    @property
    def encoder(self) -> WindowEncoder:
        """Divides sentences into windows of pieces."""
        return self._encoder

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of all files, options, arithmetic, kind of device and code version."""
        return self._fingerprint

    @property
    def parameters(self) -> int:
        """Number of values in the weights, without poolers, heads and decoders."""
        return sum(weight.numel() for weight in self._network.parameters())

    def encode_types(self, words: Sequence[str]) -> list[FloatArray]:
        """Return no arrays: there are no type layers, since layer 0 includes positions."""
        as_words(words)
        return []

    def encode_tokens(self, sentences: Sequence[Sequence[str]]) -> list[list[FloatArray]]:
        """Return one (T, D) array per layer for each sentence; a pure function of each sentence."""
        given = as_sentences(sentences)
        with _arithmetic(self.device):
            return self._encoder(given)

    def describe(self) -> dict[str, Any]:
        """Describe this provider for a run record; JSON values only."""
        return super().describe() | {
            "model_type": self.kind,
            "pieces": self.pieces,
            "window": self.window,
            "stride": self.stride,
            "arithmetic": self.arithmetic,
            "device": self.device.partition(":")[0],
        }


def _files_digest(files: Mapping[str, Path], untrained: int | None) -> str:
    """Identity of everything that is loaded; of an untrained model the weights do not matter."""
    if untrained is None:
        return digest_of({file: cached_sha256(path) for file, path in files.items()})
    used = {file: cached_sha256(path) for file, path in files.items() if not is_weights(file)}
    return digest_of({"untrained": untrained, "version": UNTRAINED_VERSION, "files": used})


@contextmanager
def _arithmetic(device: str) -> Iterator[None]:
    kind = device.partition(":")[0]
    with strict_float32(), torch.autocast(kind, enabled=False):
        yield


def _probe(model: LoadedModel, device: str, where: str) -> tuple[int, int]:
    """Return number and width of hidden states. Raises ModelError if not one per piece."""
    ids = torch.full((1, 3), model.pad_id, device=device)
    what = f"a {model.kind} is not a model that encodes a single text"
    with library_errors(what, where, "use an encoder or a decoder of text"):
        with _arithmetic(device):
            hidden = model.network(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                output_hidden_states=True,
                return_dict=True,
            ).hidden_states
        shapes = {tuple(states.shape) for states in hidden}
    if len(shapes) != 1 or (shape := shapes.pop())[:2] != (1, 3):
        raise ModelError(
            f"a {model.kind} does not give one vector per piece, of the same width in each layer",
            where=where,
            fix="use a model whose blocks keep length and width",
        )
    if not all(np.isfinite(states.float().cpu().numpy()).all() for states in hidden):
        raise ModelError("the model gives values that are not finite", where=where)
    return len(hidden), int(shape[2])
