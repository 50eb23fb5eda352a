"""allennlp-models' ``BiattentiveClassificationNetwork``, as configured for SST-5 with ELMo."""

from __future__ import annotations

from typing import Any

import torch
from allennlp.data import Vocabulary
from allennlp.modules import FeedForward, Maxout
from allennlp.modules.seq2seq_encoders import LstmSeq2SeqEncoder
from allennlp.modules.text_field_embedders import BasicTextFieldEmbedder
from allennlp_models.classification.models import BiattentiveClassificationNetwork
from torch import Tensor, nn

from elmobench.reference.published.common import (
    GivenTokenVectors,
    draw_parameters,
    mask_of,
    parameters_of,
)

LENGTHS = (7, 1, 4, 7, 2)
STATIC, ELMO = 5, 6
FEEDFORWARD, ENCODER, INTEGRATOR = 8, 7, 9
MAXOUT, POOL = (12, 6), 4
LABELS = ("0", "1", "2", "3", "4")


class GivenElmo(nn.Module):
    """Takes the place of AllenNLP's ``Elmo``: returns the vectors that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self._scalar_mixes = [None]

    def get_output_dim(self) -> int:
        """Width of a vector."""
        return ELMO

    def forward(self, vectors: Tensor) -> dict[str, list[Tensor]]:
        """The (B, T, D) ``vectors`` as the one ELMo representation."""
        return {"elmo_representations": [vectors]}


def arrays(seed: int) -> dict[str, Any]:
    """Parameters, inputs and outputs; see the package."""
    torch.manual_seed(seed)
    network = BiattentiveClassificationNetwork(
        Vocabulary(tokens_to_add={"labels": list(LABELS)}),
        BasicTextFieldEmbedder({"tokens": GivenTokenVectors(STATIC)}),
        embedding_dropout=0.5,
        pre_encode_feedforward=FeedForward(STATIC + ELMO, 1, [FEEDFORWARD], [nn.ReLU()], [0.25]),
        encoder=LstmSeq2SeqEncoder(FEEDFORWARD, ENCODER, 1, bidirectional=True),
        integrator=LstmSeq2SeqEncoder(6 * ENCODER, INTEGRATOR, 1, bidirectional=True),
        integrator_dropout=0.1,
        output_layer=Maxout(
            8 * INTEGRATOR, 3, [*MAXOUT, len(LABELS)], pool_sizes=POOL, dropout=[0.2, 0.3, 0.0]
        ),
        elmo=GivenElmo(),
        use_input_elmo=True,
    ).eval()
    draw_parameters(network, scale=0.5)
    mask = mask_of(LENGTHS)
    vectors = torch.randn(*mask.shape, STATIC + ELMO, requires_grad=True)
    static, elmo = vectors[:, :, :STATIC], vectors[:, :, STATIC:]
    labels = torch.randint(len(LABELS), (len(LENGTHS),))
    text = {"tokens": {"vectors": static, "mask": mask}, "elmo": {"elmo_tokens": elmo}}
    result = network(text, labels)
    (gradient,) = torch.autograd.grad(result["loss"], vectors)
    return {
        **parameters_of(network),
        "input/vectors": vectors.detach().numpy(),
        "input/mask": mask.numpy(),
        "input/labels": labels.numpy(),
        "input/label names": list(LABELS),
        "output/logits": result["logits"].detach().numpy(),
        "output/loss": result["loss"].detach().numpy(),
        "output/gradient of vectors": gradient.numpy(),
    }
