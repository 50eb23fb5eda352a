"""A frozen biLM that maps character ids to padded layers, as the input of trainable mixes."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from elmobench.core.digests import digest_of
from elmobench.core.errors import ConfigError, ModelError
from elmobench.features.arithmetic import strict_float32
from elmobench.features.catalog.file_digests import cached_sha256
from elmobench.features.elmo.characters import (
    BEGIN_SENTENCE,
    END_SENTENCE,
    N_IDS,
    PADDING_ID,
    character_ids,
)
from elmobench.features.elmo.loading import ElmoNetwork, build_network, read_weights
from elmobench.features.elmo.options import read_options
from elmobench.features.elmo.packed_rows import pack_sentences

_PUBLISHED_CHARACTERS: Final = 50
_DEVICES: Final = ("cpu", "cuda")
_ID_TYPES: Final = (torch.int16, torch.int32, torch.int64)  # 8 bits cannot hold the ids


@dataclass(frozen=True)
class PaddedLayers:
    """The layers of a batch.

    Attributes:
        layers: (L, B, T, 2P) float32, zero at padding; layer 0 is the character CNN's vector twice.
        mask: (B, T) bool, true at tokens.
    """

    layers: Tensor
    mask: Tensor


class FrozenBiLm:
    """The network of a weight file, built on a device when it is first used there.

    Every sentence starts from zeros, so that its vectors do not depend on the other sentences of
    the batch or on earlier batches. Copies share the network, which never changes. A pickle holds
    the paths of the files and a digest of their content, not the weights.

    Args:
        options: file in the format of AllenNLP and bilm-tf.
        weights: the HDF5 file that belongs to it.

    Raises:
        ModelError: if a file is missing or damaged, or the two disagree.
    """

    def __init__(self, options: Path, weights: Path) -> None:
        self._paths = (options.absolute(), weights.absolute())
        self._options = read_options(options)
        # Read now, so that a damaged file is noticed here; kept for the first device only.
        self._arrays: Any = read_weights(weights, self._options)
        self.digest = digest_of(
            {"weights": cached_sha256(weights), "options": self._options.digest}
        )
        self._networks: dict[torch.device, ElmoNetwork] = {}
        self._lock = threading.Lock()

    @property
    def num_layers(self) -> int:
        """Number of layers L, the character CNN included."""
        return self._options.lstm.n_layers + 1

    @property
    def dim(self) -> int:
        """Number of values per token in each layer, 2P."""
        return 2 * self._options.lstm.projection_dim

    @property
    def characters(self) -> int:
        """Number of character ids per token."""
        return self._options.char_cnn.max_characters_per_token

    def __deepcopy__(self, memo: dict[int, Any]) -> FrozenBiLm:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (*self._paths, self.digest)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Read the datasets of the weight file.

        Raises:
            ModelError: if a file is missing, or has changed since this object was made.
        """
        options, weights = self._paths
        again = FrozenBiLm(options, weights)
        if again.digest != self.digest:
            raise ModelError(
                "this file has changed since it was loaded",
                where=str(weights),
                fix="restore the file, or make a new Elmo from it",
            )
        arrays: dict[str, NDArray[np.float32]] = again._arrays
        return arrays

    def __call__(self, ids: Tensor, device: torch.device, boundaries: bool) -> PaddedLayers:
        """Run the biLM; nothing is recorded for gradients.

        Args:
            ids: (B, T, C) character ids on any device; all 0 for padding tokens, which come after
                the tokens of their sentence.
            device: where to compute, and of the result.
            boundaries: whether the result has the sentence boundaries, (B, T + 2) positions.

        Raises:
            ConfigError: if the device is neither a CPU nor a CUDA device, or float32 products are
                set to a lower precision.
            ValueError: if ``ids`` are not character ids, or padding comes before a token.
        """
        rows, lengths = self._rows_of(ids)
        extra = 2 if boundaries else 0
        mask = np.arange(ids.shape[1] + extra) < lengths[:, None] + extra
        layers = torch.zeros(
            (self.num_layers, mask.size, self.dim), dtype=torch.float32, device=device
        )
        if mask.any():
            words, which, sizes = self._distinct(rows, lengths)
            index, kept, places = (
                torch.from_numpy(numbers).to(device)
                for numbers in (which, _kept(lengths, boundaries), np.flatnonzero(mask))
            )
            p = self.dim // 2
            with self._lock, strict_float32(), _created_on_cpu():
                network = self._network(device)
                vectors = network.char_cnn.from_ids(words, sizes)
                packed = pack_sentences((lengths + 2).tolist(), network.bilstm.rows)
                outputs, _ = network.bilstm(
                    lambda read: vectors[index[read]],
                    len(which),
                    packed,
                    network.bilstm.zero_states(),
                )
                layers[0, places, :p] = layers[0, places, p:] = vectors[index[kept]]
                for layer, output in zip(layers[1:], outputs, strict=True):
                    layer[places] = output[kept]
        return PaddedLayers(
            layers.view(self.num_layers, *mask.shape, self.dim),
            torch.from_numpy(mask).to(device),
        )

    def _rows_of(self, ids: Tensor) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
        """Check the ids; return those of all tokens, (n, C), and the lengths of the sentences."""
        if ids.dim() != 3 or ids.shape[2] != self.characters or ids.dtype not in _ID_TYPES:
            # AllenNLP reads 50 characters, whatever the options say.
            own = "" if self.characters == _PUBLISHED_CHARACTERS else f", {self.characters}"
            raise ValueError(
                f"expected character ids (sentences, tokens, {self.characters}) of type "
                f"int16, int32 or int64, got {tuple(ids.shape)} of {ids.dtype}; "
                f"batch_to_ids(sentences{own}) makes them"
            )
        numbers = ids.detach().cpu().numpy()
        if numbers.size and not 0 <= numbers.min() <= numbers.max() < N_IDS:
            raise ValueError(
                f"character ids are 0 to {N_IDS - 1}, got {numbers.min()} to {numbers.max()}; "
                "batch_to_ids makes them"
            )
        tokens = numbers.any(axis=2)
        lengths = tokens.sum(axis=1, dtype=np.int64)
        wrong = (tokens != (np.arange(tokens.shape[1]) < lengths[:, None])).any(axis=1)
        if wrong.any():
            raise ValueError(
                f"sentence {int(wrong.argmax())} of the batch has padding (ids that are all 0) "
                "before a token; put padding after the tokens"
            )
        return numbers[tokens].astype(np.uint16), lengths

    def _distinct(
        self, rows: NDArray[np.uint16], lengths: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return distinct words, (V, C); the word of each position; and the words' sizes.

        Positions include the boundaries of each sentence.
        """
        boundaries, _ = character_ids([BEGIN_SENTENCE, END_SENTENCE], self.characters)
        width = rows.itemsize * self.characters
        raw = np.concatenate([boundaries.astype(np.uint16), rows]).tobytes()
        keys = [raw[start : start + width] for start in range(0, len(raw), width)]
        number = {key: i for i, key in enumerate(dict.fromkeys(keys))}
        words = np.frombuffer(b"".join(number), dtype=np.uint16).reshape(-1, self.characters)
        of_token = np.fromiter(map(number.__getitem__, keys[2:]), np.int64, count=len(rows))
        which = np.empty(len(rows) + 2 * len(lengths), dtype=np.int64)
        ends = np.cumsum(lengths + 2)
        which[ends - lengths - 2] = number[keys[0]]
        which[ends - 1] = number[keys[1]]
        which[_kept(lengths, boundaries=False)] = of_token
        # Padding is cut off at the end of a word only, so any ids are read as they are.
        padded = words[:, ::-1] != PADDING_ID
        sizes = np.where(padded.any(axis=1), self.characters - padded.argmax(axis=1), 0)
        return words.astype(np.int64), which, sizes

    def _network(self, device: torch.device) -> ElmoNetwork:
        """Return the network on ``device``, built if this is its first use there."""
        if device.type not in _DEVICES:
            raise ConfigError(
                f"ELMo does not run on a device of type {device.type!r}",
                fix="move the module to a CPU or a CUDA device",
            )
        if device not in self._networks:
            arrays = self.arrays() if self._arrays is None else self._arrays
            self._networks[device] = build_network(self._options, arrays, device=str(device))
            self._arrays = None
        return self._networks[device]


def _created_on_cpu() -> AbstractContextManager[Any]:
    """Create tensors on the CPU if no device is named, whatever default the program has set."""
    return nullcontext() if torch.empty(0).device.type == "cpu" else torch.device("cpu")


def _kept(lengths: NDArray[np.int64], boundaries: bool) -> NDArray[np.int64]:
    """The positions of a batch with or without the two boundaries of each sentence."""
    total = int(lengths.sum()) + 2 * len(lengths)
    keep = np.ones(total, dtype=bool)
    if not boundaries:
        ends = np.cumsum(lengths + 2)
        keep[ends - 1] = False
        keep[ends - lengths - 2] = False
    return np.flatnonzero(keep)


def _reopen(options: Path, weights: Path, digest: str) -> FrozenBiLm:
    """Load what a pickle refers to. Raises ModelError if the files have another content."""
    bilm = FrozenBiLm(options, weights)
    if bilm.digest != digest:
        raise ModelError(
            "this is not the file that the saved module was made from: its content has changed",
            where=str(weights),
            fix="restore the file",
        )
    return bilm
