"""Seeded random weights for ELMo: the same on every platform and with every library version.

The scheme keeps the values of each stage near their scale in a trained model, so that the states of
the LSTM depend on the text that was read, and are neither constant nor chaotic:

- character vectors are uniform in ±1;
- convolutions have variance 3 / fan-in (inputs have variance 1/3) and bias −1: otherwise the
  maximum over a word's windows would be positive for almost every filter and word;
- highways have variance 1 / fan-in and, as at the start of bilm training, gate bias −2;
- the projection has variance 4 / fan-in, so that token vectors have a standard deviation near 1;
- LSTM kernels have variance 1 / fan-in for their input part and for their state part, bias 0
  (the published +1 on the forget gate is added when the network is built);
- LSTM projections have variance 2 / fan-in. This is below the edge of chaos (near 4): the states
  keep the last few words, while rounding errors decay, however long the sentence is.

Every value is uniform in ±√(3·variance), from the raw 64-bit outputs of PCG64 (numpy guarantees
their stream, but not that of its distributions), with one stream per dataset.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from elmobench.core.random_values import uniform_values
from elmobench.features.elmo.loading import check_size, expected_shapes
from elmobench.features.elmo.options import ElmoOptions

RANDOM_WEIGHTS_VERSION: Final = 1


def random_arrays(options: ElmoOptions, seed: int) -> dict[str, NDArray[np.float32]]:
    """Return random datasets with the names and shapes of a trained model's file.

    Raises:
        ModelError: if the model would have more values than any.
    """
    shapes = expected_shapes(options)
    check_size(shapes, "a random ELMo")
    return {name: _draw(name, shape, seed) for name, shape in shapes.items()}


def _draw(name: str, shape: tuple[int, ...], seed: int) -> NDArray[np.float32]:
    kind = name.rsplit("/", 1)[-1]
    if kind == "b_carry":
        return np.full(shape, -2, dtype=np.float32)
    if kind.startswith("b_cnn"):
        return np.full(shape, -1, dtype=np.float32)
    if kind in ("B", "b_transform", "b_proj"):
        return np.zeros(shape, dtype=np.float32)
    variance = {"char_embed": 1 / 3, "W_proj": 4 / shape[0], "W_P_0": 2 / shape[0]}.get(kind)
    if variance is None:
        if kind.startswith("W_cnn"):
            variance = 3 / (shape[1] * shape[2])
        elif kind == "W_0":
            # Input and state each have half of the rows.
            variance = 2 / shape[0]
        else:
            variance = 1 / shape[0]
    bound = math.sqrt(3 * variance)
    values = 2 * uniform_values(f"{seed}/{name}", math.prod(shape)) - 1
    return (values * bound).astype(np.float32).reshape(shape)
