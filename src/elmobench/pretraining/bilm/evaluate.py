"""Perplexity of a biLM on held-out text, by the whole softmax."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from elmobench.errors import DataError
from elmobench.pretraining.bilm.network import (
    SOFTMAX_BIAS,
    SOFTMAX_WEIGHT,
    CharacterTable,
    run_direction,
    word_vectors,
    zero_state,
)
from elmobench.pretraining.bilm.options import BilmOptions
from elmobench.pretraining.bilm.sampled_softmax import exact_log_probability
from elmobench.pretraining.bilm.stream import EpochText

_UNROLL = 20


@torch.no_grad()
def perplexity(
    weights: Mapping[str, Tensor],
    options: BilmOptions,
    table: CharacterTable,
    text: EpochText,
    most: int | None = None,
) -> tuple[float, float]:
    """Perplexity a token (ends of sentences count, begins too) of each direction.

    The state is carried along the text; words without a place in the vocabulary are predicted
    as ``<UNK>``, so numbers compare only at equal vocabularies.

    Args:
        weights: see :func:`~elmobench.pretraining.bilm.network.initial_weights`.
        options: the model's.
        table: character ids of the text's word types.
        text: see :func:`~elmobench.pretraining.bilm.stream.lay_out`.
        most: stop after about so many tokens.

    Raises:
        DataError: for a text too short to measure anything on.
    """
    rows = len(text.forward)
    words = len(weights[SOFTMAX_BIAS])
    states = [zero_state(options, rows) for _ in range(2)]
    total = [0.0, 0.0]
    count = 0
    for step in range(text.steps(_UNROLL)):
        pairs = text.stretch(step, _UNROLL)
        types, where = np.unique(np.concatenate([p[0] for p in pairs]), return_inverse=True)
        vectors = word_vectors(weights, options, *table.rows(types))
        places = torch.from_numpy(where.reshape(2, _UNROLL, rows))
        for d, (_, following) in enumerate(pairs):
            x = F.embedding(places[d], vectors)
            out, states[d] = run_direction(weights, options, d, x, states[d])
            total[d] += exact_log_probability(
                out.flatten(0, 1),
                targets(following, words),
                weights[SOFTMAX_WEIGHT],
                weights[SOFTMAX_BIAS],
            )
        count += rows * _UNROLL
        if most is not None and count >= most:
            break
    if not count:
        raise DataError(
            f"{text.forward.size} tokens are too few to measure perplexity on",
            fix="hold more text out, or give more text",
        )
    forward, backward = (math.exp(-value / count) for value in total)
    return forward, backward


def targets(following: np.ndarray, words: int) -> Tensor:
    """(T·B,) ids of the next words; types outside of the vocabulary are ``<UNK>``."""
    flat = following.reshape(-1).astype(np.int64)
    return torch.from_numpy(np.where(flat < words, flat, 2))
