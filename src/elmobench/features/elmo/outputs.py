"""ELMo's outputs under the names and in the shapes that its users know.

Sources: the TF-Hub module ``google/elmo`` (names, shapes, the split at spaces, uniform scalars
by default) and AllenNLP (``batch_to_ids``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from elmobench.core.errors import ConfigError
from elmobench.data.examples import Sentence, as_sentence
from elmobench.data.readers.tokenizers import TOKENIZERS
from elmobench.features.elmo.characters import character_ids
from elmobench.features.elmo.provider import ElmoProvider
from elmobench.features.provider import FloatArray

_TOLERANCE: Final = 1e-3  # weights copied from a table are rounded


def output_names(provider: ElmoProvider) -> list[str]:
    """``word_emb``, ``lstm_outputs1`` … one a biLSTM layer, ``elmo`` and ``default``."""
    numbers = range(1, provider.num_layers)
    return ["word_emb", *(f"lstm_outputs{i}" for i in numbers), "elmo", "default"]


def mix_weights(weights: Sequence[float] | None, num_layers: int) -> list[float]:
    """The mix's weights s, one a layer; uniform for None.

    Raises:
        ConfigError: if they are not ``num_layers`` numbers from 0 that add up to 1.
    """
    if weights is None:
        return [1 / num_layers] * num_layers
    found = [float(weight) for weight in weights]
    # NaN fails every comparison, so the conditions are those of good weights.
    good = len(found) == num_layers and all(weight >= 0 for weight in found)
    if not (good and abs(sum(found) - 1) <= _TOLERANCE):
        raise ConfigError(
            f"{found} are no weights for a mix of {num_layers} layers",
            fix="give s, one weight a layer, not negative and 1 in all; raw scalars w become s "
            "by softmax",
        )
    return found


def mixed(vectors: FloatArray, weights: Sequence[float], gamma: float = 1.0) -> FloatArray:
    """(L, T, D) layers to (T, D): ``γ Σ_j s_j h_j``."""
    scale = np.asarray(weights, dtype=np.float64) * gamma
    out: FloatArray = np.einsum("l,ltd->td", scale.astype(np.float32), vectors)
    return out


def token_mean(vectors: FloatArray) -> FloatArray:
    """(T, D) to (D,): the mean over tokens, zero without any."""
    if not len(vectors):
        return np.zeros(vectors.shape[1], dtype=np.float32)
    mean: FloatArray = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean


def elmo_outputs(
    provider: ElmoProvider,
    sentences: Sequence[str | Sequence[str]],
    *,
    weights: Sequence[float] | None = None,
    gamma: float = 1.0,
) -> dict[str, NDArray[Any]]:
    """All outputs of the TF-Hub module for a batch, zero at the right of each sentence's end.

    For a large file see ``elmobench encode``: everything here is held at once.

    Args:
        provider: an ELMo of any number of biLSTM layers.
        sentences: B sentences, as tokens or as strings, which are split at spaces only.
        weights: s, one a layer, 1 in all; None for uniform ones, TF-Hub's untrained mix.
        gamma: the scale γ.

    Returns:
        With P the width of one direction and T the longest sentence:

        * ``word_emb``: (B, T, P) float32, the character CNN's vectors, once;
        * ``lstm_outputs1``, ``lstm_outputs2``, …: (B, T, 2P), each biLSTM layer;
        * ``elmo``: (B, T, 2P), the mix γ Σ s_j h_j of all layers, the CNN's doubled;
        * ``default``: (B, 2P), the mean of ``elmo`` over a sentence's tokens; zero without any;
        * ``lengths``: (B,) int64, tokens of each sentence.

    Raises:
        ConfigError: if ``weights`` are not such.
    """
    scale = mix_weights(weights, provider.num_layers)
    batch = [_tokens(sentence) for sentence in sentences]
    lengths = np.asarray([len(sentence) for sentence in batch], dtype=np.int64)
    shape = (len(batch), int(lengths.max(initial=0)))
    dim = provider.dim
    word_emb = np.zeros((*shape, dim // 2), dtype=np.float32)
    lstm = [np.zeros((*shape, dim), dtype=np.float32) for _ in range(1, provider.num_layers)]
    elmo = np.zeros((*shape, dim), dtype=np.float32)
    default = np.zeros((len(batch), dim), dtype=np.float32)
    for b, vectors in enumerate(provider.encode(batch)):
        size = vectors.shape[1]
        if size:
            word_emb[b, :size] = vectors[0, :, : dim // 2]
            for layer, out in zip(vectors[1:], lstm, strict=True):
                out[b, :size] = layer
            elmo[b, :size] = mixed(vectors, scale, gamma)
            default[b] = token_mean(elmo[b, :size])
    return {
        "word_emb": word_emb,
        **{f"lstm_outputs{i}": out for i, out in enumerate(lstm, start=1)},
        "elmo": elmo,
        "default": default,
        "lengths": lengths,
    }


def batch_to_ids(sentences: Sequence[Sequence[str]]) -> NDArray[np.int64]:
    """Character ids of a batch, as AllenNLP's function of this name gives them.

    Args:
        sentences: B tokenised sentences.

    Returns:
        (B, T, 50) ids, all 0 for padding tokens, with T the longest sentence.

    Raises:
        TypeError: if a sentence is a string.
    """
    batch = [as_sentence(sentence) for sentence in sentences]
    longest = max(map(len, batch), default=0)
    out = np.zeros((len(batch), longest, 50), dtype=np.int64)
    ids, _ = character_ids([token for sentence in batch for token in sentence])
    start = 0
    for b, sentence in enumerate(batch):
        out[b, : len(sentence)] = ids[start : start + len(sentence)]
        start += len(sentence)
    return out


def _tokens(sentence: str | Sequence[str]) -> Sentence:
    if isinstance(sentence, str):
        return tuple(TOKENIZERS["spaces"](sentence))
    return as_sentence(sentence)
