"""Perplexity of a biLM on held-out text, by the whole softmax."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from elmobench.core.errors import DataError
from elmobench.pretraining.bilm.network import (
    SOFTMAX_BIAS,
    SOFTMAX_WEIGHT,
    CharacterTable,
    State,
    run_direction,
    word_vectors,
    zero_state,
)
from elmobench.pretraining.bilm.options import BilmOptions
from elmobench.pretraining.bilm.pair import Pair
from elmobench.pretraining.bilm.sampled_softmax import exact_log_probability
from elmobench.pretraining.bilm.stream import EpochText

_UNROLL = 20


def perplexity(
    weights: Mapping[str, Tensor],
    options: BilmOptions,
    table: CharacterTable,
    text: EpochText,
    most: int | None = None,
    pair: Pair | None = None,
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
        pair: runs the directions; by default one after the other.

    Raises:
        DataError: for a text too short to measure anything on.
    """
    rows = len(text.forward)
    states = [zero_state(options, rows) for _ in range(2)]
    total = [0.0, 0.0]
    count = 0
    pair = pair or Pair(1)
    for step in range(text.steps(_UNROLL)):
        pairs = text.stretch(step, _UNROLL)
        types, where = np.unique(np.concatenate([p[0] for p in pairs]), return_inverse=True)
        with torch.no_grad():
            vectors = word_vectors(weights, options, *table.rows(types))
        places = torch.from_numpy(where.reshape(2, _UNROLL, rows))
        task = partial(_direction, weights, options, vectors, places, pairs, states)
        for d, (logs, state) in enumerate(pair.map(task, 2)):
            total[d] += logs
            states[d] = state
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


@torch.no_grad()
def _direction(
    weights: Mapping[str, Tensor],
    options: BilmOptions,
    vectors: Tensor,
    places: Tensor,
    pairs: Sequence[tuple[np.ndarray, np.ndarray]],
    states: Sequence[State],
    d: int,
) -> tuple[float, State]:
    """Log-probability of a stretch in direction ``d``, and the state after it."""
    out, state = run_direction(weights, options, d, F.embedding(places[d], vectors), states[d])
    following = targets(pairs[d][1], len(weights[SOFTMAX_BIAS]))
    weight, bias = weights[SOFTMAX_WEIGHT], weights[SOFTMAX_BIAS]
    return exact_log_probability(out.flatten(0, 1), following, weight, bias), state


def targets(following: np.ndarray, words: int) -> Tensor:
    """(T·B,) ids of the next words; types outside of the vocabulary are ``<UNK>``."""
    flat = following.reshape(-1).astype(np.int64)
    return torch.from_numpy(np.where(flat < words, flat, 2))
