"""allennlp-models' ``SemanticRoleLabeler``, as in AllenNLP's configuration with ELMo."""

from __future__ import annotations

from typing import Any

import torch
from allennlp.data import Vocabulary
from allennlp.modules.seq2seq_encoders import StackedAlternatingLstmSeq2SeqEncoder
from allennlp_models.structured_prediction.models import SemanticRoleLabeler

from elmobench.reference.published.common import (
    GivenVectors,
    draw_parameters,
    mask_of,
    padded,
    parameters_of,
    text_of,
)

TAGS = ("O", "B-ARG0", "B-ARG1", "B-V", "I-ARG0", "I-ARG1", "I-V")
LENGTHS = (9, 1, 5, 9, 2, 7)
PREDICATES = (3, 0, 4, 0, 1, 6)
WIDTH, HIDDEN, LAYERS, FLAG = 10, 7, 8, 4


def arrays(seed: int) -> dict[str, Any]:
    """Parameters, inputs and outputs; see the package."""
    return arrays_with(seed, input_bias=False)


def arrays_with(seed: int, input_bias: bool) -> dict[str, Any]:
    """The same, with or without a bias of the encoder's input projection."""
    torch.manual_seed(seed)
    labeler = SemanticRoleLabeler(
        Vocabulary(tokens_to_add={"labels": list(TAGS)}),
        GivenVectors(WIDTH),
        StackedAlternatingLstmSeq2SeqEncoder(
            WIDTH + FLAG,
            HIDDEN,
            LAYERS,
            recurrent_dropout_probability=0.1,
            use_input_projection_bias=input_bias,
        ),
        binary_feature_dim=FLAG,
        ignore_span_metric=True,
        srl_eval_path=None,
    ).eval()
    # The last layer's states are small after eight layers: larger parameters, so that scores, and
    # with them tags, vary from token to token.
    draw_parameters(labeler, scale=0.5)
    mask = mask_of(LENGTHS)
    vectors = torch.randn(*mask.shape, WIDTH, requires_grad=True)
    predicates = torch.tensor(PREDICATES)
    flags = (torch.arange(mask.shape[1]) == predicates.unsqueeze(1)).long()
    tags = torch.randint(len(TAGS), mask.shape)
    metadata = [{"words": ["word"] * length, "verb": "word"} for length in LENGTHS]
    result = labeler(text_of(vectors, mask), flags, tags, metadata)
    (gradient,) = torch.autograd.grad(result["loss"], vectors)
    # AllenNLP adds the probabilities of a sequence to 100,000, the score of its start, so that sums
    # in float32 are rounded to 1/128. In float64 they are exact enough to compare sequences.
    result["class_probabilities"] = result["class_probabilities"].double()
    decoded = labeler.make_output_human_readable(result)["tags"]
    # Scores that vary more than those above, to tell kinds of decoding apart.
    scores = 2 * torch.randn(*mask.shape, len(TAGS))
    given = {"class_probabilities": torch.softmax(scores, dim=2).double(), "mask": mask}
    decoded_scores = labeler.make_output_human_readable(given)["tags"]
    return {
        **parameters_of(labeler),
        "input/vectors": vectors.detach().numpy(),
        "input/mask": mask.numpy(),
        "input/predicates": predicates.numpy(),
        "input/tags": tags.masked_fill(~mask, -1).numpy(),
        "input/tag names": list(TAGS),
        "input/scores": scores.numpy(),
        "output/logits": (result["logits"] * mask.unsqueeze(-1)).detach().numpy(),
        "output/loss": result["loss"].detach().numpy(),
        "output/decoded tags": ids_of(decoded),
        "output/decoded scores": ids_of(decoded_scores),
        "output/gradient of vectors": gradient.numpy(),
    }


def ids_of(sentences: list[list[str]]) -> Any:
    """(B, T) ids of tags, padded with -1."""
    return padded([[TAGS.index(tag) for tag in tags] for tags in sentences])
