"""Write a trained biLM as ``options.json`` and ``weights.hdf5``, for this suite and AllenNLP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
from safetensors.torch import save_file
from torch import Tensor

from elmobench.core.files import atomic_path, write_text
from elmobench.features.elmo.characters import N_IDS
from elmobench.features.elmo.loading import expected_shapes, read_weights
from elmobench.features.elmo.options import read_options
from elmobench.pretraining.bilm.network import SOFTMAX_BIAS, SOFTMAX_WEIGHT, elmo_options
from elmobench.pretraining.bilm.options import BilmOptions
from elmobench.pretraining.vocabulary import Vocabulary

OPTIONS, WEIGHTS, SOFTMAX, WORDS = (
    "options.json",
    "weights.hdf5",
    "softmax.safetensors",
    "vocabulary.txt",
)


def export(
    folder: Path,
    weights: Mapping[str, Tensor],
    options: BilmOptions,
    vocabulary: Vocabulary,
) -> None:
    """Write the model into ``folder`` and read it back as a check.

    ``softmax.safetensors`` and ``vocabulary.txt`` are written too: fine-tuning and perplexity need
    them, word vectors do not.

    Args:
        folder: created if necessary.
        weights: see :func:`~elmobench.pretraining.bilm.network.initial_weights`.
        options: of the training.
        vocabulary: of the softmax.
    """
    values: dict[str, Any] = options.model_dump(mode="json")
    # bilm-tf trains with 261 ids and publishes 262, since padding has no row in the weight file.
    values["char_cnn"]["n_characters"] = N_IDS
    write_text(folder / OPTIONS, json.dumps(values, indent=1) + "\n")
    with atomic_path(folder / WEIGHTS) as temporary, h5py.File(temporary, "w") as file:
        for name in expected_shapes(elmo_options(options)):
            array = weights[name].detach().numpy()
            file.create_dataset(name, data=array, compression="gzip", shuffle=True)
    softmax = {
        "W": weights[SOFTMAX_WEIGHT].detach().contiguous(),
        "b": weights[SOFTMAX_BIAS].detach().contiguous(),
    }
    with atomic_path(folder / SOFTMAX) as temporary:
        save_file(softmax, temporary)
    vocabulary.write(folder / WORDS)
    read_weights(folder / WEIGHTS, read_options(folder / OPTIONS))
