"""allennlp-models' ``CrfTagger``, as in AllenNLP's configuration of NER."""

from __future__ import annotations

from typing import Any

import torch
from allennlp.data import Vocabulary
from allennlp.modules.seq2seq_encoders import LstmSeq2SeqEncoder
from allennlp.modules.seq2vec_encoders import CnnEncoder
from allennlp.modules.text_field_embedders import BasicTextFieldEmbedder
from allennlp.modules.token_embedders import Embedding, TokenCharactersEncoder
from allennlp_models.tagging.models import CrfTagger

from elmobench.reference.published.common import (
    GivenTokenVectors,
    draw_parameters,
    mask_of,
    padded,
    parameters_of,
)

TAGS = ("O", "B-LOC", "I-LOC", "L-LOC", "U-LOC", "B-PER", "I-PER", "L-PER", "U-PER")
SENTENCES = (
    ["O", "B-LOC", "I-LOC", "L-LOC", "U-PER", "U-LOC", "B-PER", "L-PER", "O"],
    ["U-PER"],
    ["B-PER", "I-PER", "I-PER", "L-PER", "O"],
    ["O", "O", "B-LOC", "L-LOC", "B-LOC", "L-LOC"],
)
CHARACTERS = "abcdefgh"
# Of three characters or more: AllenNLP 2 gives a shorter word zeros, AllenNLP 0.9 and we do not.
WORDS = ("abc", "fade", "badge", "head", "cabbaged", "xyz", "edge", "added", "fee")
WIDTH, HIDDEN, LAYERS = 11, 7, 2
CHARACTER_WIDTH, FILTERS = 5, 6


def arrays(seed: int) -> dict[str, Any]:
    """Parameters, inputs and outputs; see the package."""
    torch.manual_seed(seed)
    vocabulary = Vocabulary(tokens_to_add={"labels": list(TAGS)})
    characters = TokenCharactersEncoder(
        Embedding(CHARACTER_WIDTH, num_embeddings=2 + len(CHARACTERS)),
        CnnEncoder(CHARACTER_WIDTH, FILTERS, ngram_filter_sizes=(3,)),
    )
    embedders = {"features": GivenTokenVectors(WIDTH), "token_characters": characters}
    encoder = LstmSeq2SeqEncoder(WIDTH + FILTERS, HIDDEN, LAYERS, bidirectional=True)
    tagger = CrfTagger(
        vocabulary,
        BasicTextFieldEmbedder(embedders),
        encoder,
        label_encoding="BIOUL",
        include_start_end_transitions=False,
        dropout=0.5,
    ).eval()
    draw_parameters(tagger, scale=0.5)
    mask = mask_of([len(tags) for tags in SENTENCES])
    vectors = torch.randn(*mask.shape, WIDTH, requires_grad=True)
    tags = padded([[TAGS.index(tag) for tag in tags] for tags in SENTENCES])
    words = [
        [WORDS[(i + 2 * k) % len(WORDS)] for k in range(len(sentence))]
        for i, sentence in enumerate(SENTENCES)
    ]
    text = {
        "features": {"vectors": vectors, "mask": mask},
        "token_characters": {"token_characters": character_ids(words)},
    }
    result = tagger(text, torch.from_numpy(tags).clamp(min=0))
    # Scores that vary more than the logits, so that the constraints matter.
    scores = torch.randn(*mask.shape, len(TAGS))
    decoded_scores = tagger.crf.viterbi_tags(scores, mask)
    likelihoods = [
        tagger.crf(*(x[i : i + 1] for x in (scores, torch.from_numpy(tags).clamp(min=0), mask)))
        for i in range(len(SENTENCES))
    ]
    table = characters._embedding._module.weight
    gradient, character_gradient = torch.autograd.grad(result["loss"], [vectors, table])
    return {
        **parameters_of(tagger),
        "input/vectors": vectors.detach().numpy(),
        "input/mask": mask.numpy(),
        "input/words": [row + [""] * (mask.shape[1] - len(row)) for row in words],
        "input/characters": CHARACTERS,
        "input/tags": tags,
        "input/scores": scores.numpy(),
        "input/tag names": list(TAGS),
        "output/logits": (result["logits"] * mask.unsqueeze(-1)).detach().numpy(),
        "output/negative log-likelihood per token": (result["loss"] / mask.sum()).detach().numpy(),
        "output/log-likelihood of scores": torch.stack(likelihoods).detach().numpy(),
        "output/decoded tags": padded(result["tags"]),
        "output/decoded scores": padded([path for path, _ in decoded_scores]),
        "output/allowed transitions": tagger.crf._constraint_mask.long().numpy(),
        "output/gradient of vectors": gradient.numpy(),
        # Padding has a vector that is trained but never read.
        "output/gradient of characters": character_gradient[1:].numpy(),
    }


def character_ids(sentences: list[list[str]]) -> torch.Tensor:
    """(B, T, C) ids of the characters of words: 0 is padding, 1 an unknown character."""
    longest = max(len(word) for words in sentences for word in words)
    ids = torch.zeros(len(sentences), max(map(len, sentences)), longest, dtype=torch.long)
    for i, words in enumerate(sentences):
        for k, word in enumerate(words):
            known = [2 + CHARACTERS.index(c) if c in CHARACTERS else 1 for c in word]
            ids[i, k, : len(word)] = torch.tensor(known)
    return ids
