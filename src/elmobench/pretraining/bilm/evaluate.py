"""Perplexity of a biLM on held-out text, with the full softmax."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

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
from elmobench.pretraining.bilm.sampled_softmax import exact_log_probability
from elmobench.pretraining.bilm.stream import EpochText
from elmobench.pretraining.bilm.thread_pair import ThreadPair
from elmobench.pretraining.divergence import exp

_UNROLL = 20


def perplexity(
    weights: Mapping[str, Tensor],
    options: BilmOptions,
    table: CharacterTable,
    text: EpochText,
    *,
    limit: int | None = None,
    pair: ThreadPair | None = None,
) -> tuple[float, float]:
    """Perplexity per token of each direction, forward then backward.

    Begins and ends of sentences count as tokens. The LSTM state is carried along the text. Words
    outside of the vocabulary are predicted as ``<UNK>``, so only perplexities with the same
    vocabulary can be compared.

    Args:
        weights: see :func:`~elmobench.pretraining.bilm.network.initial_weights`.
        options: the model's.
        table: character ids of the text's word types.
        text: see :func:`~elmobench.pretraining.bilm.stream.batch_epoch`.
        limit: stop after about this many tokens.
        pair: runs both directions at the same time; by default they run one after the other.
    """
    rows = len(text.forward)
    device = weights[SOFTMAX_BIAS].device
    states = [zero_state(options, rows, device) for _ in range(2)]
    total = [0.0, 0.0]
    count = 0
    pair = pair or ThreadPair(1)
    # A text that is shorter than a window is one shorter window.
    unroll = min(_UNROLL, text.forward.shape[1] - 1)
    for step in range(text.steps(unroll)):
        batches = text.window(step, unroll)
        types, inverse = np.unique(
            np.concatenate([inputs for inputs, _ in batches]), return_inverse=True
        )
        with torch.no_grad():
            vectors = word_vectors(weights, options, *table.rows(types))
        vector_ids = torch.from_numpy(inverse.reshape(2, unroll, rows)).to(device)
        task = partial(_direction, weights, options, vectors, vector_ids, batches, states)
        for d, (log_probability, state) in enumerate(pair.map(task, 2)):
            total[d] += log_probability
            states[d] = state
        count += rows * unroll
        if limit is not None and count >= limit:
            break
    forward, backward = (exp(-value / count) for value in total)
    return forward, backward


@torch.no_grad()
def _direction(
    weights: Mapping[str, Tensor],
    options: BilmOptions,
    vectors: Tensor,
    vector_ids: Tensor,
    batches: Sequence[tuple[np.ndarray, np.ndarray]],
    states: Sequence[State],
    d: int,
) -> tuple[float, State]:
    """Log-probability of a window in direction ``d``, in nats, and the state after it."""
    x = F.embedding(vector_ids[d], vectors)
    out, state = run_direction(weights, options, d, x, states[d])
    following = targets(batches[d][1], len(weights[SOFTMAX_BIAS])).to(x.device)
    weight, bias = weights[SOFTMAX_WEIGHT], weights[SOFTMAX_BIAS]
    return exact_log_probability(out.flatten(0, 1), following, weight, bias), state


def targets(following: np.ndarray, words: int) -> Tensor:
    """(T·B,) vocabulary ids of the (T, B) next words; ``<UNK>`` for words outside of it."""
    flat = following.reshape(-1).astype(np.int64)
    return torch.from_numpy(np.where(flat < words, flat, 2))
