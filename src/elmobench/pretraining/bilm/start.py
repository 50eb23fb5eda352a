"""Initial weights from a trained biLM, whose vocabulary may differ."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from elmobench.core.errors import ConfigError, ModelError
from elmobench.features.elmo.loading import read_weights
from elmobench.features.elmo.options import read_options
from elmobench.pretraining.bilm.export import OPTIONS, SOFTMAX, WEIGHTS, WORDS, read_softmax
from elmobench.pretraining.bilm.network import SOFTMAX_BIAS, SOFTMAX_WEIGHT, elmo_options
from elmobench.pretraining.bilm.options import BilmOptions
from elmobench.pretraining.vocabulary import Vocabulary


def read_start(
    folder: Path, options: BilmOptions, vocabulary: Vocabulary, fresh: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Read the weights of the model in ``folder``, to fine-tune it on other text.

    Words in both vocabularies keep their softmax weights; new words start with fresh ones. If the
    folder has no softmax (published models have none), the whole softmax starts fresh.

    Args:
        folder: has ``options.json`` and ``weights.hdf5``, perhaps ``softmax.safetensors`` and
            ``vocabulary.txt``.
        options: of the new training; they must have the shape of the model.
        vocabulary: of the new training.
        fresh: initial weights of a training from the start.

    Raises:
        ConfigError: if ``options`` have another shape.
        ModelError: if a file is missing or damaged.
    """
    theirs = read_options(folder / OPTIONS)
    ours = elmo_options(options)
    if theirs.digest != ours.digest:
        raise ConfigError(
            "the model to start from has another shape than the options",
            where=str(folder / OPTIONS),
            fix="use the options.json of that model as options",
        )
    weights = dict(fresh)
    weights |= {
        name: torch.from_numpy(array)
        for name, array in read_weights(folder / WEIGHTS, theirs).items()
    }
    if not (folder / SOFTMAX).exists():
        return weights
    softmax = read_softmax(folder)
    weight, bias = softmax["W"], softmax["b"]
    words = Vocabulary.read(folder / WORDS)
    expected = (len(words), ours.lstm.projection_dim)
    if tuple(weight.shape) != expected or tuple(bias.shape) != expected[:1]:
        raise ModelError(
            f"has shape {tuple(weight.shape)}, but vocabulary and options need {expected}",
            where=str(folder / SOFTMAX),
        )
    common = [(i, words.ids[word]) for i, word in enumerate(vocabulary.words) if word in words.ids]
    here, there = (torch.tensor(column) for column in zip(*common, strict=True))
    weights[SOFTMAX_WEIGHT] = fresh[SOFTMAX_WEIGHT].index_copy(0, here, weight[there])
    weights[SOFTMAX_BIAS] = fresh[SOFTMAX_BIAS].index_copy(0, here, bias[there])
    return weights
