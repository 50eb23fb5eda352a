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
from elmobench.data.examples import as_sentence
from elmobench.features.arithmetic import strict_float32
from elmobench.features.catalog.file_digests import cached_sha256
from elmobench.features.provider import FeatureProvider, FloatArray, Layer
from elmobench.features.transformer.encoding import Pooling, WindowEncoder
from elmobench.features.transformer.loading import LoadedModel, load_model
from elmobench.features.transformer.pieces import WordPieces

VERSION: Final = 1
"""Bumped by hand when any vector changes by more than 5e-6; golden tests guard it."""

Arithmetic = Literal["fp32", "bf16"]


class TransformerProvider(FeatureProvider):
    """All hidden states of a frozen transformer, pooled from pieces to words.

    Layer 0 is what enters the first block (the embeddings), then one a block, as the model's
    ``hidden_states`` are: many models normalise the last one once more. Special tokens are added
    for encoding and removed. A text longer than the window is read in overlapping windows, see
    :func:`plan_windows`; of a word longer than a window the first pieces that fit are read. Words
    without pieces are zero vectors.

    Args:
        name: for messages.
        model: network and tokenizer.
        files_digest: identity of the files of both.
        pieces: which of a word's pieces make its vector.
        arithmetic: ``fp32``, or ``bf16`` throughout the network (vectors are float32 still).
        device: where the network is.
        window: pieces read at once, special tokens included; None for what the model takes.
        stride: pieces from one window's beginning to the next; None for half a window.

    Raises:
        ConfigError: ``window`` or ``stride`` do not fit the model.
        ModelError: the network does not give one vector a piece in each of its layers.
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
            # In bf16 the batch would show: a sum in another order may round to another number.
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
    ) -> TransformerProvider:
        """Load a model from its files by name, see :func:`load_model`."""
        model = load_model(files, f"features {name!r}", arithmetic=arithmetic, device=device)
        return cls(
            name,
            model,
            digest_of({file: cached_sha256(path) for file, path in files.items()}),
            pieces=pieces,
            arithmetic=arithmetic,
            device=device,
            window=window,
            stride=stride,
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over all files, options, arithmetic, kind of device, code version."""
        return self._fingerprint

    @property
    def parameters(self) -> int:
        """Number of values in the weights, without poolers, heads and decoders."""
        return sum(weight.numel() for weight in self._network.parameters())

    def encode_types(self, words: Sequence[str]) -> list[FloatArray]:
        """There are no type layers: positions are in layer 0 already."""
        return []

    def encode_tokens(self, sentences: Sequence[Sequence[str]]) -> list[list[FloatArray]]:
        """For each sentence one (T, D) array a layer; a pure function of each sentence."""
        with _arithmetic(self.device):
            return self._encoder([as_sentence(sentence) for sentence in sentences])

    def describe(self) -> dict[str, Any]:
        """What a record keeps of this provider; JSON values only."""
        return super().describe() | {
            "model_type": self.kind,
            "pieces": self.pieces,
            "window": self.window,
            "stride": self.stride,
            "arithmetic": self.arithmetic,
            "device": self.device.partition(":")[0],
        }


@contextmanager
def _arithmetic(device: str) -> Iterator[None]:
    kind = device.partition(":")[0]
    with strict_float32(), torch.autocast(kind, enabled=False):
        yield


def _probe(model: LoadedModel, device: str, where: str) -> tuple[int, int]:
    """Layers and width of the hidden states. Raises ModelError if they are not one a piece."""
    ids = torch.full((1, 3), model.pad_id, device=device)
    try:
        with _arithmetic(device):
            hidden = model.network(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                output_hidden_states=True,
                return_dict=True,
            ).hidden_states
        shapes = {tuple(states.shape) for states in hidden}
    except (TypeError, ValueError, AttributeError) as error:
        raise ModelError(
            f"a {model.kind} is not a model that reads one text alone: {error}", where=where
        ) from error
    if len(shapes) != 1 or (shape := shapes.pop())[:2] != (1, 3):
        raise ModelError(
            f"a {model.kind} does not give one vector of the same width a piece in each layer",
            where=where,
            fix="use a model whose blocks keep length and width",
        )
    if not all(np.isfinite(states.float().cpu().numpy()).all() for states in hidden):
        raise ModelError("it gives values that are not finite", where=where)
    return len(hidden), int(shape[2])
