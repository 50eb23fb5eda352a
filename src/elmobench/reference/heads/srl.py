"""``srl/paper`` with the parameters of allennlp-models' ``SemanticRoleLabeler``."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from elmobench.data.examples import Proposition
from elmobench.nn.bio import bio_viterbi
from elmobench.reference.parameters import Arrays, PublishedParameters
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.head import Batch, SlotBatch
from elmobench.tasks.srl.pipeline import SENTENCE
from elmobench.tasks.srl.recurrent import AlternatingRoles, AlternatingRolesOptions

# AllenNLP's blocks are input, forget, candidate, output, highway gate, and the highway's input in
# the products of the input; ours are input, forget, output, highway gate, candidate.
_BLOCKS = (0, 1, 3, 4, 2)


def outputs(arrays: Arrays) -> dict[str, NDArray[np.generic]]:
    """Return our values of each of the ``output/…`` arrays."""
    vectors = torch.from_numpy(arrays["input/vectors"]).requires_grad_()
    mask = torch.from_numpy(arrays["input/mask"])
    codec = LabelCodec(labels=[str(label) for label in arrays["input/tag names"]])
    first = "parameter/encoder._module.layer_0.cell"
    options = AlternatingRolesOptions(
        hidden=arrays[f"{first}.state_linearity.weight"].shape[1],
        flag_dim=arrays["parameter/binary_feature_embedding.weight"].shape[1],
        input_bias=f"{first}.input_linearity.bias" in arrays,
    )
    head = AlternatingRoles({"input": vectors.shape[2]}, codec, options).eval()
    _fill(head, PublishedParameters(arrays), options)
    examples = []
    for i, (row, predicate) in enumerate(
        zip(arrays["input/tags"], arrays["input/predicates"].tolist(), strict=True)
    ):
        tags = tuple(codec.labels[tag] for tag in row if tag >= 0)
        examples.append(Proposition(str(i), ("word",) * len(tags), predicate, tags))
    sentences = [example.tokens for example in examples]
    batch = Batch(examples, {SENTENCE: SlotBatch(sentences, mask, [])})
    mixed = {"input": {SENTENCE: vectors}}
    loss = head.loss(batch, mixed)
    (gradient,) = torch.autograd.grad(loss, vectors)
    decoded = np.full(mask.shape, -1, dtype=np.int64)
    for ids, predicted in zip(decoded, head.predict(batch, mixed), strict=True):
        ids[: len(predicted)] = [codec.labels.index(tag) for tag in predicted]
    scores = torch.from_numpy(arrays["input/scores"])
    paths = bio_viterbi(head.decoding_scores(scores), mask).masked_fill(~mask, -1)
    return {
        "output/logits": (head.scores(batch, mixed) * mask.unsqueeze(-1)).detach().numpy(),
        "output/loss": loss.detach().numpy(),
        "output/decoded tags": decoded,
        "output/decoded scores": paths.numpy(),
        "output/gradient of vectors": gradient.numpy(),
    }


def _fill(
    head: AlternatingRoles, published: PublishedParameters, options: AlternatingRolesOptions
) -> None:
    names: dict[str, str | Tensor] = {
        "flag.weight": "binary_feature_embedding.weight",
        "output.weight": "tag_projection_layer._module.weight",
        "output.bias": "tag_projection_layer._module.bias",
    }
    for layer in range(options.layers):
        cell = f"encoder._module.layer_{layer}.cell"
        sources = {
            f"encoder.inputs.{layer}": f"{cell}.input_linearity.weight",
            f"encoder.states.{layer}": f"{cell}.state_linearity.weight",
            f"encoder.biases.{layer}": f"{cell}.state_linearity.bias",
        }
        if options.input_bias:
            sources[f"encoder.input_biases.{layer}"] = f"{cell}.input_linearity.bias"
        for name, source in sources.items():
            blocks = torch.split(published.take(source), options.hidden)
            names[name] = torch.cat([*(blocks[k] for k in _BLOCKS), *blocks[len(_BLOCKS) :]])
    published.fill(head, names)
