"""``qa/bidaf`` with the parameters of allennlp-models' ``BidirectionalAttentionFlow``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from elmobench.data.questions import Answer, PassageQuestion, make_passage
from elmobench.nn.best_span import best_spans
from elmobench.reference.parameters import Arrays, PublishedParameters, bilstm_names
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.head import Batch, SlotBatch
from elmobench.tasks.qa.bidaf import Bidaf, BidafOptions
from elmobench.tasks.qa.pipeline import PASSAGE, QUESTION


def outputs(arrays: Arrays) -> dict[str, NDArray[np.generic]]:
    """Return our values of each of the ``output/…`` arrays."""
    vectors = {
        slot: torch.from_numpy(arrays[f"input/{slot} vectors"]).requires_grad_()
        for slot in (PASSAGE, QUESTION)
    }
    head = _head(arrays, vectors[PASSAGE].shape[2])
    examples = list(_examples(arrays))
    tokens = {
        PASSAGE: [example.passage.tokens for example in examples],
        QUESTION: [example.question for example in examples],
    }
    masks = {
        slot: torch.arange(vectors[slot].shape[1]) < torch.tensor([[len(s)] for s in sentences])
        for slot, sentences in tokens.items()
    }
    batch = Batch(examples, {s: SlotBatch(tokens[s], masks[s], []) for s in tokens})
    mixed = {"input": vectors}
    loss = head.loss(batch, mixed)
    assert head.char_cnn is not None
    embedding = head.char_cnn.embedding.weight
    gradients = torch.autograd.grad(loss, [vectors[PASSAGE], vectors[QUESTION], embedding])
    start, end = (scores * masks[PASSAGE] for scores in head.scores(batch, mixed))
    spans = best_spans(start, end, masks[PASSAGE], head.max_answer)
    head.dropout, head.char_dropout = _Factor(0.8), _Factor(1.3)
    scaled_start, scaled_end = (scores * masks[PASSAGE] for scores in head.scores(batch, mixed))
    return {
        "output/start logits": start.detach().numpy(),
        "output/end logits": end.detach().numpy(),
        "output/start logits with factors for dropouts": scaled_start.detach().numpy(),
        "output/end logits with factors for dropouts": scaled_end.detach().numpy(),
        "output/loss": loss.detach().numpy(),
        "output/best span": spans.numpy(),
        "output/gradient of passage vectors": gradients[0].numpy(),
        "output/gradient of question vectors": gradients[1].numpy(),
        "output/gradient of byte embeddings": gradients[2].numpy(),
    }


class _Factor(nn.Dropout):
    """Takes the place of a dropout, so that the scores show where it is."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, input: Tensor) -> Tensor:
        """The product with the factor."""
        return input * self.factor


def _head(arrays: Arrays, width: int) -> Bidaf:
    published = PublishedParameters(arrays)
    characters = "_text_field_embedder.characters"
    embedding = published.take(f"{characters}._embedding._module.weight").clone()
    embedding[0] = 0.0  # the published module multiplies the vectors of padding by zero instead
    filters = f"{characters}._encoder._module.conv_layer_0"
    weight, bias = published.take(f"{filters}.weight"), published.take(f"{filters}.bias")
    hidden = arrays["parameter/_phrase_layer._module.weight_hh_l0"].shape[1]
    pairs: tuple[Tensor, ...] = published.take("_matrix_attention._weight_vector").chunk(3)
    options = BidafOptions(
        hidden=hidden,
        char_dim=embedding.shape[1],
        char_filters=weight.shape[0],
        char_width=weight.shape[2],
    )
    head = Bidaf({"input": width}, LabelCodec(labels=[]), options).eval()
    highways = [
        f"layers.{layer}.{kind}" for layer in range(options.highways) for kind in ("weight", "bias")
    ]
    published.fill(
        head,
        {
            "char_cnn.embedding.weight": embedding,
            "char_cnn.convolution.weight": weight,
            "char_cnn.convolution.bias": bias,
            **{f"highway.{name}": f"_highway_layer._module._{name}" for name in highways},
            **bilstm_names("phrase", "_phrase_layer._module", 1),
            "attention.rows": pairs[0],
            "attention.columns": pairs[1],
            "attention.products": pairs[2],
            "attention.bias": published.take("_matrix_attention._bias").squeeze(0),
            **bilstm_names("modelling", "_modeling_layer._module", 2),
            **bilstm_names("end_encoder", "_span_end_encoder._module", 1),
            "start.weight": "_span_start_predictor._module.weight",
            "start.bias": "_span_start_predictor._module.bias",
            "end.weight": "_span_end_predictor._module.weight",
            "end.bias": "_span_end_predictor._module.bias",
        },
    )
    return head


def _examples(arrays: Arrays) -> Iterator[PassageQuestion]:
    for i, (first, last) in enumerate(arrays["input/answers"].tolist()):
        words = [str(word) for word in arrays[f"input/passage {i}"]]
        passage = make_passage(" ".join(words), "whitespace")
        start = passage.offsets[first][0]
        answer = Answer(passage.substring(first, last), start, first, last)
        question = tuple(str(word) for word in arrays[f"input/question {i}"])
        yield PassageQuestion(str(i), question, passage, (answer,))
