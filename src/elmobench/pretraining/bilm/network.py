"""The biLM in training: weights under the names of ELMo's weight file, and the forward pass."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from elmobench.features.elmo.characters import character_ids
from elmobench.features.elmo.loading import cell_name, expected_shapes
from elmobench.features.elmo.options import ElmoOptions
from elmobench.pretraining.bilm.clipped_lstm import clipped_lstm
from elmobench.pretraining.bilm.options import BilmOptions
from elmobench.pretraining.device import CPU

LayerState = tuple[Tensor, Tensor]
"""The (B, P) projected states and (B, C) cells of a layer."""
State = list[LayerState]
"""The state of each layer."""

SOFTMAX_WEIGHT, SOFTMAX_BIAS = "softmax/W", "softmax/b"

# Words are grouped by length (largest length of each group): little padding, few products.
_SIZES = (4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 20, 10**6)


def elmo_options(options: BilmOptions) -> ElmoOptions:
    """The part of ``options`` that is needed to read the trained model."""
    return ElmoOptions(char_cnn=options.char_cnn, lstm=options.lstm)


def weight_count(options: BilmOptions, words: int) -> int:
    """Number of values that are trained: of the model, and of the softmax over ``words`` words."""
    model = sum(math.prod(shape) for shape in expected_shapes(elmo_options(options)).values())
    return model + words * (options.lstm.projection_dim + 1)


def initial_weights(options: BilmOptions, words: int) -> dict[str, Tensor]:
    """Random initial weights: those of the weight file, and the softmax over ``words`` words.

    As in bilm-tf, character vectors are uniform in ±1, filters are normal with standard deviation
    √(2 / (w·E)) before a ReLU and √(1 / (w·E)) before a tanh, and highway gates have bias −2, so
    that words first pass through. LSTM and projection weights are uniform with variance
    1 / fan-in; softmax weights are normal with standard deviation 1 / √P.
    """
    generator = torch.Generator().manual_seed(options.seed)
    lstm, cnn = options.lstm, options.char_cnn
    weights = {}
    for name, shape in expected_shapes(elmo_options(options)).items():
        kind = name.rpartition("/")[2]
        if name == "char_embed":
            value = torch.rand(shape, generator=generator) * 2 - 1
        elif kind.startswith("W_cnn"):
            gain = 2.0 if cnn.activation == "relu" else 1.0
            value = torch.randn(shape, generator=generator) * (gain / (shape[1] * shape[2])) ** 0.5
        elif kind in ("W_carry", "W_transform", "W_proj"):
            value = torch.randn(shape, generator=generator) / shape[0] ** 0.5
        elif kind == "b_carry":
            value = torch.full(shape, -2.0)
        elif kind in ("W_0", "W_P_0"):
            value = (torch.rand(shape, generator=generator) * 2 - 1) * (3.0 / shape[0]) ** 0.5
        else:
            value = torch.zeros(shape)
        weights[name] = value
    p = lstm.projection_dim
    weights[SOFTMAX_WEIGHT] = torch.randn(words, p, generator=generator) / p**0.5
    weights[SOFTMAX_BIAS] = torch.zeros(words)
    return weights


def zero_state(options: BilmOptions, rows: int, device: torch.device = CPU) -> State:
    """The state at the start of a text."""
    lstm = options.lstm
    return [
        (
            torch.zeros(rows, lstm.projection_dim, device=device),
            torch.zeros(rows, lstm.dim, device=device),
        )
        for _ in range(lstm.n_layers)
    ]


class CharacterTable:
    """Character ids of all word types of a corpus, computed once.

    Args:
        words: the types, by id.
        length: number of character ids per word.
    """

    def __init__(self, words: tuple[str, ...], length: int) -> None:
        ids, sizes = character_ids(words, length)
        self._ids = ids.astype(np.int16)
        self._sizes = sizes.astype(np.int16)

    def rows(self, types: NDArray[np.int64]) -> tuple[Tensor, NDArray[np.int16]]:
        """(U, length) character ids and (U,) sizes of U types."""
        return torch.from_numpy(self._ids[types].astype(np.int64)), self._sizes[types]


def word_vectors(
    weights: Mapping[str, Tensor],
    options: BilmOptions,
    ids: Tensor,
    sizes: NDArray[np.int16],
) -> Tensor:
    """(U, P) vectors of U words from their characters, on the device of the weights.

    Args:
        weights: see :func:`initial_weights`.
        options: the model's.
        ids: (U, length) character ids, padded on the right, in main memory.
        sizes: (U,) number of ids before the padding.
    """
    cnn = options.char_cnn
    embedding = F.pad(weights["char_embed"], (0, 0, 1, 0))
    widest = max(width for width, _ in cnn.filters)
    order, pooled = [], []
    lower = 0
    for upper in _SIZES:
        rows = np.flatnonzero((sizes > lower) & (sizes <= upper))
        lower = upper
        if len(rows) == 0:
            continue
        order.append(torch.from_numpy(rows))
        # All windows inside the padding are equal: the maximum needs only one of them.
        columns = min(ids.shape[1], int(sizes[rows].max()) + widest)
        chosen = ids[order[-1], :columns].to(embedding.device)
        characters = F.embedding(chosen, embedding).flatten(1)
        pooled.append(_pool(characters, weights, options))
    x = torch.cat(pooled)
    x = x.relu() if cnn.activation == "relu" else x.tanh()
    for i in range(cnn.n_highway):
        name = f"CNN_high_{i}"
        gate = torch.addmm(weights[f"{name}/b_carry"], x, weights[f"{name}/W_carry"]).sigmoid()
        new = torch.addmm(weights[f"{name}/b_transform"], x, weights[f"{name}/W_transform"]).relu()
        x = torch.lerp(x, new, gate)
    if "CNN_proj/W_proj" in weights:
        x = torch.addmm(weights["CNN_proj/b_proj"], x, weights["CNN_proj/W_proj"])
    return x[torch.cat(order).argsort().to(x.device)]


def _pool(characters: Tensor, weights: Mapping[str, Tensor], options: BilmOptions) -> Tensor:
    """(u, F) maxima of all filters from (u, c·E) character vectors of u words."""
    cnn = options.char_cnn
    dim = cnn.embedding.dim
    banks = []
    for k, (width, count) in enumerate(cnn.filters):
        filters = weights[f"CNN/W_cnn_{k}"].view(width * dim, count)
        highest: Tensor = _HighestWindow.apply(characters, filters, dim)  # type: ignore[no-untyped-call]
        banks.append(highest + weights[f"CNN/b_cnn_{k}"])
    return torch.cat(banks, dim=1)


class _HighestWindow(torch.autograd.Function):
    """(u, F) highest product of each filter with any window of a word.

    Takes (u, c·E) characters and (w·E, F) filters of width w. The gradient is written by hand,
    because autograd's gradient of overlapping windows and of a maximum takes longer than the
    products.
    """

    @staticmethod
    def forward(ctx: Any, characters: Tensor, filters: Tensor, dim: int) -> Tensor:
        size, count = filters.shape
        windows = characters.unfold(1, size, dim).reshape(-1, size)
        products = torch.mm(windows, filters).view(len(characters), -1, count)
        highest = products.amax(dim=1)
        ctx.save_for_backward(windows, filters, products, highest)
        ctx.dim = dim
        return highest

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        windows, filters, products, highest = ctx.saved_tensors
        dim = ctx.dim
        # Windows with the same product, as of a letter that occurs twice, share the gradient.
        chosen = products.eq_(highest.unsqueeze(1))
        d_products = chosen.mul_((grad / chosen.sum(dim=1)).unsqueeze(1)).flatten(0, 1)
        d_filters = torch.mm(windows.t(), d_products)
        words, positions, _ = products.shape
        width = filters.shape[0] // dim
        d_windows = torch.mm(d_products, filters.t()).view(words, positions, width, dim)
        d_characters = grad.new_zeros(words, positions + width - 1, dim)
        for k in range(width):
            d_characters[:, k : k + positions] += d_windows[:, :, k]
        return d_characters.flatten(1), d_filters, None


def run_direction(
    weights: Mapping[str, Tensor],
    options: BilmOptions,
    direction: int,
    x: Tensor,
    state: State,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, State]:
    """Run the language model of one direction over a window of text.

    Args:
        weights: see :func:`initial_weights`.
        options: the model's.
        direction: 0 forward, 1 backward (with the text reversed).
        x: (T, B, P) word vectors.
        state: before the window.
        generator: for dropout; None for no dropout.

    Returns:
        (T, B, P) outputs of the last layer, and the state after the window.
    """
    after: State = []
    for layer in range(options.lstm.n_layers):
        read = _dropout(x, options.dropout, generator)
        x, last = run_layer(weights, options, direction, layer, x, read, state[layer])
        after.append(last)
    return _dropout(x, options.dropout, generator), after


def run_layer(
    weights: Mapping[str, Tensor],
    options: BilmOptions,
    direction: int,
    layer: int,
    x: Tensor,
    read: Tensor,
    state: LayerState,
) -> tuple[Tensor, LayerState]:
    """Run one layer of one direction.

    Args:
        weights, options, direction: see :func:`run_direction`.
        layer: its number, from 0.
        x: (T, B, P) outputs of the layer below; a skip connection adds them.
        read: ``x`` after dropout, which the layer reads.
        state: of the layer, before the window.

    Returns:
        (T, B, P) outputs, and the state after the window.
    """
    lstm, name = options.lstm, cell_name(direction, layer)
    out, last = clipped_lstm(
        read,
        state,
        weights[f"{name}/W_0"],
        weights[f"{name}/B"],
        weights[f"{name}/W_P_0"],
        cell_clip=lstm.cell_clip,
        proj_clip=lstm.proj_clip,
    )
    return (out + x if layer and lstm.use_skip_connections else out), last


def _dropout(x: Tensor, rate: float, generator: torch.Generator | None) -> Tensor:
    if generator is None or rate == 0.0:
        return x
    keep = torch.empty_like(x).bernoulli_(1.0 - rate, generator=generator)
    return x * keep.div_(1.0 - rate)
