"""The model of document-qa in NumPy, written from its description, one example at a time.

Every formula is spelled out for one token, in float64 and without padding. Parameters have the
names of our head's state, since there is no published file to take them from; nothing else is
shared with it. ``drop`` marks the places of variational dropout, ``drop_chars`` that of the
dropout in the character CNN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Parameters = Mapping[str, Array]
Change = Callable[[Array], Array]


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def char_vector(p: Parameters, ids: Sequence[int], length: int, drop_chars: Change) -> Array:
    """One word: its characters and zero vectors up to ``length``, windows, ReLU, maximum."""
    table, filters = p["char_cnn.embedding.weight"], p["char_cnn.convolution.weight"]
    bias = p["char_cnn.convolution.bias"]
    width = filters.shape[2]
    rows = [drop_chars(table[i]) for i in ids] + [np.zeros(table.shape[1])] * (length - len(ids))
    best = np.zeros(len(bias))
    for start in range(min(len(ids), length - width + 1)):
        for f in range(len(bias)):
            value = bias[f]
            for j in range(width):
                value = value + filters[f, :, j] @ rows[start + j]
            best[f] = max(best[f], value)
    return best


def gru(p: Parameters, name: str, xs: Sequence[Array]) -> list[Array]:
    """cuDNN's GRU in one direction from a zero state; the reset gate is after the product."""
    w, u = p[f"{name}.weight_ih_l0"], p[f"{name}.weight_hh_l0"]
    b, c = p[f"{name}.bias_ih_l0"], p[f"{name}.bias_hh_l0"]
    n = u.shape[1]
    state, states = np.zeros(n), []
    for x in xs:
        from_x, from_state = w @ x + b, u @ state + c
        reset = sigmoid(from_x[:n] + from_state[:n])
        update = sigmoid(from_x[n : 2 * n] + from_state[n : 2 * n])
        candidate = np.tanh(from_x[2 * n :] + reset * from_state[2 * n :])
        state = update * state + (1 - update) * candidate
        states.append(state)
    return states


def bigru(p: Parameters, name: str, xs: Sequence[Array]) -> list[Array]:
    ahead = gru(p, f"{name}.forwards.0", xs)
    back = gru(p, f"{name}.backwards.0", xs[::-1])[::-1]
    return [np.concatenate(pair) for pair in zip(ahead, back, strict=True)]


def score(p: Parameters, name: str, x: Array, key: Array) -> float:
    """Trilinear similarity, with the bias that self-attention has."""
    bias = float(p[f"{name}.bias"]) if f"{name}.bias" in p else 0.0
    products = float(p[f"{name}.products"] @ (x * key))
    return float(p[f"{name}.rows"] @ x) + float(p[f"{name}.columns"] @ key) + products + bias


def linear_relu(p: Parameters, name: str, x: Array) -> Array:
    return np.maximum(p[f"{name}.weight"] @ x + p[f"{name}.bias"], 0)


def bidirectional_attention(p: Parameters, xs: list[Array], keys: list[Array]) -> list[Array]:
    table = [[score(p, "attention", x, key) for key in keys] for x in xs]
    peaks = [np.exp(max(row)) for row in table]
    context = sum(peak * x for peak, x in zip(peaks, xs, strict=True)) / sum(peaks)
    out = []
    for x, row in zip(xs, table, strict=True):
        powers = np.exp(row)
        selected = sum(power * key for power, key in zip(powers, keys, strict=True)) / powers.sum()
        out.append(np.concatenate([x, selected, x * selected, x * context]))
    return out


def self_attention(p: Parameters, xs: list[Array]) -> list[Array]:
    """No token attends to itself; exp(bias) in the normaliser is attention to nothing."""
    out = []
    for i, x in enumerate(xs):
        total, mean = float(np.exp(p["no_alignment"])), np.zeros_like(x)
        for j, other in enumerate(xs):
            if i != j:
                power = np.exp(score(p, "self_attention", x, other))
                total += power
                mean += power * other
        mean /= total
        out.append(np.concatenate([mean, x, mean * x]))
    return out


def span_scores(
    p: Parameters,
    passage: Sequence[tuple[Array, Sequence[int], Array]],
    question: Sequence[tuple[Array, Sequence[int], Array]],
    length: int,
    drop: Change,
    drop_chars: Change,
) -> tuple[Array, Array]:
    """Scores of each passage token as the answer's first and last.

    Args:
        p: parameters.
        passage: for each token its vector at the input, the ids of its characters after the cut,
            and its vector at the output.
        question: the same.
        length: characters of a word after padding.
        drop: what dropout does at a place with one mask for all tokens.
        drop_chars: what dropout does to a character's embedding.
    """
    encoded = []
    for tokens in (passage, question):
        xs = [
            np.concatenate([vector, char_vector(p, ids, length, drop_chars)])
            for vector, ids, _ in tokens
        ]
        states = [drop(state) for state in bigru(p, "encoder", [drop(x) for x in xs])]
        encoded.append(
            [
                np.concatenate([state, late])
                for state, (_, _, late) in zip(states, tokens, strict=True)
            ]
        )
    flow = bidirectional_attention(p, *encoded)
    xs = [linear_relu(p, "attended", x) for x in flow]
    inner = [drop(state) for state in bigru(p, "self_encoder", [drop(x) for x in xs])]
    added = [linear_relu(p, "self_attended", x) for x in self_attention(p, inner)]
    xs = [drop(x + more) for x, more in zip(xs, added, strict=True)]
    starts = bigru(p, "start_encoder", xs)
    ends = bigru(p, "end_encoder", [np.concatenate(pair) for pair in zip(xs, starts, strict=True)])
    return (
        np.array([float(p["start.weight"][0] @ x) for x in starts]),
        np.array([float(p["end.weight"][0] @ x) for x in ends]),
    )
