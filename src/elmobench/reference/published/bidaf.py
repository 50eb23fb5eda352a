"""allennlp-models' ``BidirectionalAttentionFlow``, as in AllenNLP's configuration bidaf.jsonnet."""

from __future__ import annotations

from typing import Any

import torch
from allennlp.data import Vocabulary
from allennlp.data.token_indexers import TokenCharactersIndexer
from allennlp.data.tokenizers import CharacterTokenizer, Token
from allennlp.modules.matrix_attention import LinearMatrixAttention
from allennlp.modules.seq2seq_encoders import LstmSeq2SeqEncoder
from allennlp.modules.seq2vec_encoders import CnnEncoder
from allennlp.modules.token_embedders import Embedding, TokenCharactersEncoder
from allennlp_models.rc.models import BidirectionalAttentionFlow
from torch import Tensor, nn

from elmobench.reference.published.common import (
    draw_parameters,
    mask_of,
    parameters_of,
)

# Words of one byte and of many, shorter than the window and longer, and with accents.
PASSAGES = (
    "In 1912 the Straße to Besançon was an unpaved , winding , unquestionably bad road .",
    "Yes",
    "A cat sat on a mat .",
    "The naïve internationalisation of 1,000 words",
)
QUESTIONS = ("What was the road ?", "Is it ?", "Where did a cat sit on that Tuesday ?", "Who")
ANSWERS = ((12, 14), (0, 0), (3, 5), (1, 2))
WIDTH, HIDDEN, CHAR_DIM, FILTERS, WINDOW = 6, 5, 4, 7, 5


class VectorsAndCharacters(nn.Module):
    """Takes the place of AllenNLP's text field embedder: given vectors and the CNN over bytes."""

    def __init__(self) -> None:
        super().__init__()
        embedding = Embedding(embedding_dim=CHAR_DIM, num_embeddings=262)
        encoder = CnnEncoder(CHAR_DIM, FILTERS, ngram_filter_sizes=(WINDOW,))
        self.characters = TokenCharactersEncoder(embedding, encoder, dropout=0.2)

    def get_output_dim(self) -> int:
        """Width of a token's vector."""
        return WIDTH + FILTERS

    def forward(self, text: dict[str, dict[str, Tensor]]) -> Tensor:
        """The (B, T, D) vectors of tokens."""
        return torch.cat(
            [text["tokens"]["vectors"], self.characters(text["characters"]["token_characters"])], -1
        )


class Factor(nn.Module):
    """Multiplies its input by a number."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """The product."""
        return x * self.factor


def arrays(seed: int) -> dict[str, Any]:
    """Parameters, inputs and outputs; see the package."""
    torch.manual_seed(seed)
    flow, modelled = 8 * HIDDEN, 2 * HIDDEN
    model = BidirectionalAttentionFlow(
        Vocabulary(),
        VectorsAndCharacters(),
        num_highway_layers=2,
        phrase_layer=LstmSeq2SeqEncoder(WIDTH + FILTERS, HIDDEN, bidirectional=True),
        matrix_attention=LinearMatrixAttention(2 * HIDDEN, 2 * HIDDEN, "x,y,x*y"),
        modeling_layer=LstmSeq2SeqEncoder(flow, HIDDEN, 2, dropout=0.2, bidirectional=True),
        span_end_encoder=LstmSeq2SeqEncoder(flow + 3 * modelled, HIDDEN, bidirectional=True),
        dropout=0.2,
    ).eval()
    draw_parameters(model)
    passage, question = text_of(PASSAGES), text_of(QUESTIONS)
    vectors = [text["tokens"]["vectors"] for text in (passage, question)]
    answers = torch.tensor(ANSWERS)
    result = model(question, passage, answers[:, :1], answers[:, 1:])
    embedding = model._text_field_embedder.characters._embedding._module.weight
    gradients = torch.autograd.grad(result["loss"], [*vectors, embedding])
    mask = passage["tokens"]["mask"]
    # Factors in the place of dropouts show in the logits where the dropouts are.
    model._dropout = Factor(0.8)
    model._text_field_embedder.characters._dropout = Factor(1.3)
    scaled = model(question, passage)
    return {
        **parameters_of(model),
        **{f"input/passage {i}": text.split() for i, text in enumerate(PASSAGES)},
        **{f"input/question {i}": text.split() for i, text in enumerate(QUESTIONS)},
        "input/answers": answers.numpy(),
        "input/passage vectors": vectors[0].detach().numpy(),
        "input/question vectors": vectors[1].detach().numpy(),
        **logits_of(result, mask, ""),
        **logits_of(scaled, mask, " with factors for dropouts"),
        "output/loss": result["loss"].detach().numpy(),
        "output/best span": result["best_span"].numpy(),
        "output/gradient of passage vectors": gradients[0].numpy(),
        "output/gradient of question vectors": gradients[1].numpy(),
        "output/gradient of byte embeddings": gradients[2].numpy(),
    }


def logits_of(result: dict[str, Tensor], mask: Tensor, what: str) -> dict[str, Any]:
    """Scores of first and last tokens, zero at padding."""
    return {
        f"output/{place} logits{what}": (result[f"span_{place}_logits"] * mask).detach().numpy()
        for place in ("start", "end")
    }


def text_of(texts: tuple[str, ...]) -> dict[str, dict[str, Tensor]]:
    """Tokens as the configuration makes them: random vectors, and the ids of the words' bytes."""
    tokenizer = CharacterTokenizer(byte_encoding="utf-8", start_tokens=[259], end_tokens=[260])
    indexer = TokenCharactersIndexer(character_tokenizer=tokenizer, min_padding_length=WINDOW)
    sentences = [text.split() for text in texts]
    mask = mask_of([len(words) for words in sentences])
    indexed = [
        indexer.tokens_to_indices([Token(word) for word in words], Vocabulary())
        for words in sentences
    ]
    sizes = [indexer.get_padding_lengths(row) for row in indexed]
    largest = {key: max(size[key] for size in sizes) for key in sizes[0]}
    ids = [indexer.as_padded_tensor_dict(row, largest)["token_characters"] for row in indexed]
    vectors = torch.randn(*mask.shape, WIDTH, requires_grad=True)
    return {
        "tokens": {"vectors": vectors, "mask": mask},
        "characters": {"token_characters": torch.stack(ids)},
    }
