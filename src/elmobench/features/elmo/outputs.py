"""ELMo's outputs with the names and shapes of the TF-Hub module ``google/elmo``.

As in that module, sentences are split at spaces and weights are uniform by default. For AllenNLP's
interface, with mixes that train inside a network, see :class:`elmobench.Elmo`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from elmobench.core.errors import ConfigError
from elmobench.data.examples import Sentence
from elmobench.data.readers.tokenizers import TOKENIZERS
from elmobench.data.sentences import as_sentence, check_container
from elmobench.features.elmo.provider import ElmoProvider
from elmobench.features.provider import FloatArray

_TOLERANCE: Final = 1e-3  # weights copied from a table are rounded


def output_names(provider: ElmoProvider) -> list[str]:
    """Return ``word_emb``, ``lstm_outputs1`` … (one per biLSTM layer), ``elmo`` and ``default``."""
    numbers = range(1, provider.num_layers)
    return ["word_emb", *(f"lstm_outputs{i}" for i in numbers), "elmo", "default"]


def mix_weights(weights: Sequence[float] | None, num_layers: int) -> list[float]:
    """Return the mix's weights s, one per layer; uniform for None.

    Raises:
        ConfigError: if they are not ``num_layers`` non-negative numbers that add up to 1.
    """
    if weights is None:
        return [1 / num_layers] * num_layers
    values = [float(weight) for weight in weights]
    # NaN fails every comparison, so these conditions describe valid weights.
    valid = len(values) == num_layers and all(value >= 0 for value in values)
    if not (valid and abs(sum(values) - 1) <= _TOLERANCE):
        raise ConfigError(
            f"{values} are not weights for a mix of {num_layers} layers",
            fix="give s: one non-negative weight per layer, with sum 1; s is the softmax of the "
            "raw scalars w",
        )
    return values


def mixed(vectors: FloatArray, weights: Sequence[float], gamma: float = 1.0) -> FloatArray:
    """Mix (L, T, D) layers to (T, D): ``γ Σ_j s_j h_j``."""
    scale = np.asarray(weights, dtype=np.float64) * gamma
    out: FloatArray = np.einsum("l,ltd->td", scale.astype(np.float32), vectors)
    return out


def token_mean(vectors: FloatArray) -> FloatArray:
    """Average (T, D) vectors over the tokens to (D,); zeros if there are no tokens."""
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
    """Return all outputs of the TF-Hub module for a batch, zero after the end of each sentence.

    All vectors are in memory at once; for a large file use ``elmobench encode``.

    Args:
        provider: an ELMo with any number of biLSTM layers.
        sentences: B sentences, as tokens or as strings, which are split at spaces only.
        weights: s, one per layer, with sum 1; None for uniform weights, TF-Hub's untrained mix.
        gamma: the scale γ.

    Returns:
        With P the width of one direction and T the longest sentence:

        * ``word_emb``: (B, T, P) float32, the character CNN's vectors;
        * ``lstm_outputs1``, ``lstm_outputs2``, …: (B, T, 2P), each biLSTM layer;
        * ``elmo``: (B, T, 2P), the mix γ Σ s_j h_j of all layers, with the CNN's vectors doubled;
        * ``default``: (B, 2P), the mean of ``elmo`` over the tokens of each sentence; zero for
          empty sentences;
        * ``lengths``: (B,) int64, number of tokens of each sentence.

    Raises:
        ConfigError: if ``weights`` or ``gamma`` are not valid.
        TypeError: if a sentence is neither a string nor tokens.
    """
    scale = mix_weights(weights, provider.num_layers)
    if not math.isfinite(gamma):
        raise ConfigError(f"gamma is {gamma}", fix="give a finite number")
    check_container(sentences, "the input", "give a list of sentences, as texts or lists of tokens")
    batch = [_tokens(sentence, i) for i, sentence in enumerate(sentences)]
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


def _tokens(sentence: str | Sequence[str], number: int) -> Sentence:
    if isinstance(sentence, str):
        return tuple(TOKENIZERS["spaces"](sentence))
    return as_sentence(sentence, f"sentence {number}")
