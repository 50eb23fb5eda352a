"""The biLM's weights as AllenNLP's module names and arranges them.

Source: ``allennlp.modules.elmo._ElmoBiLm`` (AllenNLP 2.10.1): names and shapes of its parameters.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from elmobench.features.elmo.loading import Arrays, cell_name

FloatArrays = dict[str, NDArray[np.float32]]


def allennlp_weights(arrays: Arrays) -> FloatArrays:
    """Return the state dict of AllenNLP's biLM with these datasets; all values are exact."""
    return _char_cnn(arrays) | _lstm(arrays)


def _char_cnn(arrays: Arrays) -> FloatArrays:
    embedding = arrays["char_embed"]
    prefix = "_token_embedder"
    named = {
        f"{prefix}._char_embedding_weights": np.concatenate(
            [np.zeros_like(embedding[:1]), embedding]
        )
    }
    i = 0
    while f"CNN/W_cnn_{i}" in arrays:
        # From (1, width, character, filter) to (filter, character, width).
        named[f"{prefix}.char_conv_{i}.weight"] = arrays[f"CNN/W_cnn_{i}"][0].transpose(2, 1, 0)
        named[f"{prefix}.char_conv_{i}.bias"] = arrays[f"CNN/b_cnn_{i}"]
        i += 1
    i = 0
    while f"CNN_high_{i}/W_transform" in arrays:
        # One product; AllenNLP's gate weights the input, the file's gate the transform.
        for kind, name in (("W", "weight"), ("b", "bias")):
            new, gate = (arrays[f"CNN_high_{i}/{kind}_{part}"] for part in ("transform", "carry"))
            named[f"{prefix}._highways._layers.{i}.{name}"] = np.concatenate([new.T, -gate.T])
        i += 1
    if "CNN_proj/W_proj" in arrays:
        named[f"{prefix}._projection.weight"] = arrays["CNN_proj/W_proj"].T
        named[f"{prefix}._projection.bias"] = arrays["CNN_proj/b_proj"]
    return named


def _lstm(arrays: Arrays) -> FloatArrays:
    named: FloatArrays = {}
    for direction, word in enumerate(("forward", "backward")):
        i = 0
        while f"{cell_name(direction, i)}/W_0" in arrays:
            cell = cell_name(direction, i)
            # The file's order is input, candidate, forget, output; AllenNLP's has forget second.
            a, b, c, d = np.split(arrays[f"{cell}/W_0"].T, 4)
            kernel = np.concatenate([a, c, b, d])
            a, b, c, d = np.split(arrays[f"{cell}/B"], 4)
            p = arrays[f"{cell}/W_P_0"].shape[1]
            prefix = f"_elmo_lstm.{word}_layer_{i}"
            named[f"{prefix}.input_linearity.weight"] = kernel[:, :p]
            named[f"{prefix}.state_linearity.weight"] = kernel[:, p:]
            named[f"{prefix}.state_linearity.bias"] = np.concatenate([a, c + np.float32(1), b, d])
            named[f"{prefix}.state_projection.weight"] = arrays[f"{cell}/W_P_0"].T
            i += 1
    return named
