"""allennlp-models' ``ESIM``, as in AllenNLP's configuration of SNLI."""

from __future__ import annotations

from typing import Any

import torch
from allennlp.data import Vocabulary
from allennlp.modules import FeedForward
from allennlp.modules.matrix_attention import DotProductMatrixAttention
from allennlp.modules.seq2seq_encoders import LstmSeq2SeqEncoder
from allennlp_models.pair_classification.models import ESIM
from torch import nn

from elmobench.reference.published.common import (
    GivenVectors,
    draw_parameters,
    mask_of,
    parameters_of,
    text_of,
)

LENGTHS = {"premise": (6, 9, 1, 3), "hypothesis": (4, 2, 5, 1)}
WIDTH, HIDDEN, FEEDFORWARD = 10, 7, 8
LABELS = ("entailment", "neutral", "contradiction")


def arrays(seed: int) -> dict[str, Any]:
    """Parameters, inputs and outputs; see the package."""
    torch.manual_seed(seed)
    network = ESIM(
        Vocabulary(tokens_to_add={"labels": list(LABELS)}),
        GivenVectors(WIDTH),
        encoder=LstmSeq2SeqEncoder(WIDTH, HIDDEN, 1, bidirectional=True),
        matrix_attention=DotProductMatrixAttention(),
        projection_feedforward=FeedForward(8 * HIDDEN, 1, FEEDFORWARD, nn.ReLU()),
        inference_encoder=LstmSeq2SeqEncoder(FEEDFORWARD, HIDDEN, 1, bidirectional=True),
        output_feedforward=FeedForward(8 * HIDDEN, 1, FEEDFORWARD, nn.ReLU(), 0.5),
        output_logit=FeedForward(FEEDFORWARD, 1, len(LABELS), nn.Identity()),
        dropout=0.5,
    ).eval()
    draw_parameters(network, scale=0.6)
    masks = {slot: mask_of(lengths) for slot, lengths in LENGTHS.items()}
    vectors = {
        slot: torch.randn(*mask.shape, WIDTH, requires_grad=True) for slot, mask in masks.items()
    }
    labels = torch.randint(len(LABELS), (len(LENGTHS["premise"]),))
    texts = {slot: text_of(vectors[slot], mask) for slot, mask in masks.items()}
    result = network(**texts, label=labels)
    gradients = torch.autograd.grad(result["loss"], list(vectors.values()))
    return {
        **parameters_of(network),
        **{f"input/{slot} vectors": x.detach().numpy() for slot, x in vectors.items()},
        **{f"input/{slot} mask": mask.numpy() for slot, mask in masks.items()},
        "input/labels": labels.numpy(),
        "input/label names": list(LABELS),
        "output/logits": result["label_logits"].detach().numpy(),
        "output/loss": result["loss"].detach().numpy(),
        **{
            f"output/gradient of {slot} vectors": gradient.numpy()
            for slot, gradient in zip(vectors, gradients)  # noqa: B905  (Python 3.8)
        },
    }
