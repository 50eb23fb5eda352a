"""``sentiment/paper`` with the parameters of ``BiattentiveClassificationNetwork``."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from elmobench.data.examples import ClassifiedText
from elmobench.reference.parameters import Arrays, PublishedParameters, bilstm_names
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.head import Batch, SlotBatch
from elmobench.tasks.sentiment.bcn import Bcn, BcnOptions
from elmobench.tasks.sentiment.pipeline import TEXT


def outputs(arrays: Arrays) -> dict[str, NDArray[np.generic]]:
    """Return our values of each of the ``output/…`` arrays."""
    vectors = torch.from_numpy(arrays["input/vectors"]).requires_grad_()
    mask = torch.from_numpy(arrays["input/mask"])
    codec = LabelCodec(labels=[str(label) for label in arrays["input/label names"]])
    pool = BcnOptions().pool
    options = BcnOptions(
        feedforward=len(arrays["parameter/_pre_encode_feedforward._linear_layers.0.bias"]),
        encoder=arrays["parameter/_encoder._module.weight_hh_l0"].shape[1],
        integrator=arrays["parameter/_integrator._module.weight_hh_l0"].shape[1],
        maxout=tuple(
            len(arrays[f"parameter/_output_layer._linear_layers.{layer}.bias"]) // pool
            for layer in range(2)
        ),
    )
    head = Bcn({"input": vectors.shape[2]}, codec, options).eval()
    PublishedParameters(arrays).fill(
        head,
        {
            "feedforward.weight": "_pre_encode_feedforward._linear_layers.0.weight",
            "feedforward.bias": "_pre_encode_feedforward._linear_layers.0.bias",
            **bilstm_names("encoder", "_encoder._module", 1),
            **bilstm_names("integrator", "_integrator._module", 1),
            "attention.weight": "_self_attentive_pooling_projection.weight",
            "attention.bias": "_self_attentive_pooling_projection.bias",
            **{
                f"output.layers.{layer}.{kind}": f"_output_layer._linear_layers.{layer}.{kind}"
                for layer in range(3)
                for kind in ("weight", "bias")
            },
        },
    )
    texts = [("word",) * length for length in mask.sum(dim=1).tolist()]
    examples = [
        ClassifiedText(str(i), text, codec.labels[label])
        for i, (text, label) in enumerate(zip(texts, arrays["input/labels"], strict=True))
    ]
    batch = Batch(examples, {TEXT: SlotBatch(texts, mask, [])})
    mixed = {"input": {TEXT: vectors}}
    loss = head.loss(batch, mixed)
    (gradient,) = torch.autograd.grad(loss, vectors)
    return {
        "output/logits": head.scores(batch, mixed).detach().numpy(),
        "output/loss": loss.detach().numpy(),
        "output/gradient of vectors": gradient.numpy(),
    }
