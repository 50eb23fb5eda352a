"""allennlp-models' ``CrfTagger``, as in AllenNLP's configuration of NER."""

from __future__ import annotations

from typing import Any

import torch
from allennlp.data import Vocabulary
from allennlp.modules.seq2seq_encoders import LstmSeq2SeqEncoder
from allennlp_models.tagging.models import CrfTagger

from elmobench.reference.published.common import (
    GivenVectors,
    draw_parameters,
    mask_of,
    padded,
    parameters_of,
    text_of,
)

TAGS = ("O", "B-LOC", "I-LOC", "L-LOC", "U-LOC", "B-PER", "I-PER", "L-PER", "U-PER")
SENTENCES = (
    ["O", "B-LOC", "I-LOC", "L-LOC", "U-PER", "U-LOC", "B-PER", "L-PER", "O"],
    ["U-PER"],
    ["B-PER", "I-PER", "I-PER", "L-PER", "O"],
    ["O", "O", "B-LOC", "L-LOC", "B-LOC", "L-LOC"],
)
WIDTH, HIDDEN, LAYERS = 11, 7, 2


def arrays(seed: int) -> dict[str, Any]:
    """Parameters, inputs and outputs; see the package."""
    torch.manual_seed(seed)
    vocabulary = Vocabulary(tokens_to_add={"labels": list(TAGS)})
    encoder = LstmSeq2SeqEncoder(WIDTH, HIDDEN, LAYERS, bidirectional=True)
    tagger = CrfTagger(
        vocabulary,
        GivenVectors(WIDTH),
        encoder,
        label_encoding="BIOUL",
        include_start_end_transitions=False,
        dropout=0.5,
    ).eval()
    draw_parameters(tagger)
    mask = mask_of([len(tags) for tags in SENTENCES])
    vectors = torch.randn(*mask.shape, WIDTH, requires_grad=True)
    tags = padded([[TAGS.index(tag) for tag in tags] for tags in SENTENCES])
    result = tagger(text_of(vectors, mask), torch.from_numpy(tags).clamp(min=0))
    (gradient,) = torch.autograd.grad(result["loss"], vectors)
    return {
        **parameters_of(tagger),
        "input/vectors": vectors.detach().numpy(),
        "input/mask": mask.numpy(),
        "input/tags": tags,
        "input/tag names": list(TAGS),
        "output/logits": (result["logits"] * mask.unsqueeze(-1)).detach().numpy(),
        "output/negative log-likelihood": result["loss"].detach().numpy(),
        "output/decoded tags": padded(result["tags"]),
        "output/gradient of vectors": gradient.numpy(),
    }
