"""Write a trained biLM as ``options.json`` and ``weights.hdf5``, for this suite and AllenNLP."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from elmobench.core.digests import canonical_json, file_sha256
from elmobench.core.errors import ModelError
from elmobench.core.files import atomic_path, write_bytes, write_text
from elmobench.core.parsing import check_is_file, parse_json_object, parsing
from elmobench.features.elmo.characters import N_IDS
from elmobench.features.elmo.loading import expected_shapes, read_weights
from elmobench.features.elmo.options import read_options
from elmobench.pretraining.bilm.network import SOFTMAX_BIAS, SOFTMAX_WEIGHT, elmo_options
from elmobench.pretraining.bilm.options import BilmOptions
from elmobench.pretraining.checkpoints import tensors_digest
from elmobench.pretraining.vocabulary import Vocabulary
from elmobench.pretraining.writing import writing

OPTIONS, WEIGHTS, SOFTMAX, WORDS = (
    "options.json",
    "weights.hdf5",
    "softmax.safetensors",
    "vocabulary.txt",
)
_DIGESTS = "digests"
_FIX = "run the training again, which writes the model from its last checkpoint, or get it again"


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

    Raises:
        ModelError: if a file cannot be written.
    """
    values: dict[str, Any] = options.model_dump(mode="json")
    # bilm-tf trains with 261 ids and publishes 262, since padding has no row in the weight file.
    values["char_cnn"]["n_characters"] = N_IDS
    with writing(folder / OPTIONS):
        write_text(folder / OPTIONS, json.dumps(values, indent=1) + "\n")
    # In memory first: on a full disk, HDF5 fails while it closes the file.
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for name in expected_shapes(elmo_options(options)):
            array = weights[name].detach().cpu().numpy()
            file.create_dataset(name, data=array, compression="gzip", shuffle=True)
    with writing(folder / WEIGHTS):
        write_bytes(folder / WEIGHTS, content.getvalue())
    with writing(folder / WORDS):
        vocabulary.write(folder / WORDS)
    softmax = {
        "W": weights[SOFTMAX_WEIGHT].detach().cpu().contiguous(),
        "b": weights[SOFTMAX_BIAS].detach().cpu().contiguous(),
    }
    # The last file: it has the digests of the others, and its own.
    digests = {name: file_sha256(folder / name) for name in (OPTIONS, WEIGHTS, WORDS)}
    digests["sha256"] = tensors_digest(softmax, digests)
    with writing(folder / SOFTMAX), atomic_path(folder / SOFTMAX, private=True) as temporary:
        # One entry: the library writes several in random order.
        save_file(softmax, temporary, {_DIGESTS: canonical_json(digests)})
    read_weights(folder / WEIGHTS, read_options(folder / OPTIONS))


def read_softmax(folder: Path) -> dict[str, Tensor]:
    """The softmax of a model that :func:`export` wrote, after checking the digests of all files.

    Models of version 0.1 have no digests there.

    Returns:
        ``W`` (V, P) and ``b`` (V,).

    Raises:
        ModelError: if it is not a softmax, or a file of the model is damaged or of another export.
    """
    path = folder / SOFTMAX
    with parsing(path, ModelError, what="is not a softmax", fix=_FIX):
        check_is_file(path)
        with safe_open(path, "pt") as file:
            metadata = dict(file.metadata() or {})
            softmax = {name: file.get_tensor(name) for name in ("W", "b")}
        if not metadata:
            return softmax
        digests = parse_json_object(metadata[_DIGESTS], str(path), ModelError, fix=_FIX)
        if digests.pop("sha256", None) != tensors_digest(softmax, digests):
            raise ModelError("does not have the digest that it states", where=str(path), fix=_FIX)
        for name in (OPTIONS, WEIGHTS, WORDS):
            if file_sha256(folder / name) != digests[name]:
                raise ModelError(
                    f"does not have the digest that {SOFTMAX} states: it is damaged, or its "
                    "training was interrupted while it was written",
                    where=str(folder / name),
                    fix=_FIX,
                )
    return softmax
