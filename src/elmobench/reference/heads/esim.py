"""``nli/paper`` with the parameters of allennlp-models' ``ESIM``."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from elmobench.data.examples import SentencePair
from elmobench.reference.parameters import Arrays, PublishedParameters, bilstm_names
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.head import Batch, SlotBatch
from elmobench.tasks.nli.esim import Esim, EsimOptions
from elmobench.tasks.nli.pipeline import HYPOTHESIS, PREMISE

_SLOTS = (PREMISE, HYPOTHESIS)


def outputs(arrays: Arrays) -> dict[str, NDArray[np.generic]]:
    """Return our values of each of the ``output/…`` arrays."""
    vectors = {
        slot: torch.from_numpy(arrays[f"input/{slot} vectors"]).requires_grad_() for slot in _SLOTS
    }
    masks = {slot: torch.from_numpy(arrays[f"input/{slot} mask"]) for slot in _SLOTS}
    codec = LabelCodec(labels=[str(label) for label in arrays["input/label names"]])
    options = EsimOptions(
        hidden=arrays["parameter/_encoder._module.weight_hh_l0"].shape[1],
        feedforward=len(arrays["parameter/_projection_feedforward._linear_layers.0.bias"]),
    )
    head = Esim({"input": vectors[PREMISE].shape[2]}, codec, options).eval()
    layers = {
        "projection": "_projection_feedforward",
        "hidden": "_output_feedforward",
        "output": "_output_logit",
    }
    PublishedParameters(arrays).fill(
        head,
        {
            **bilstm_names("encoder", "_encoder._module", 1),
            **bilstm_names("inference", "_inference_encoder._module", 1),
            **{
                f"{ours}.{kind}": f"{published}._linear_layers.0.{kind}"
                for ours, published in layers.items()
                for kind in ("weight", "bias")
            },
        },
    )
    texts = {
        slot: [("word",) * length for length in mask.sum(dim=1).tolist()]
        for slot, mask in masks.items()
    }
    examples = [
        SentencePair(str(i), premise, hypothesis, codec.labels[label])
        for i, (premise, hypothesis, label) in enumerate(
            zip(texts[PREMISE], texts[HYPOTHESIS], arrays["input/labels"], strict=True)
        )
    ]
    slots = {slot: SlotBatch(texts[slot], masks[slot], []) for slot in _SLOTS}
    batch = Batch(examples, slots)
    mixed = {"input": vectors}
    loss = head.loss(batch, mixed)
    gradients = torch.autograd.grad(loss, [vectors[slot] for slot in _SLOTS])
    return {
        "output/logits": head.scores(batch, mixed).detach().numpy(),
        "output/loss": loss.detach().numpy(),
        **{
            f"output/gradient of {slot} vectors": gradient.numpy()
            for slot, gradient in zip(_SLOTS, gradients, strict=True)
        },
    }
