"""``ner/paper`` with the parameters of allennlp-models' ``CrfTagger``."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from elmobench.data.examples import TaggedSentence
from elmobench.nn.bioul import bioul_constraints, bioul_tag_to_bio
from elmobench.nn.crf import Constraints
from elmobench.reference.parameters import Arrays, PublishedParameters, bilstm_names
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.head import Batch, SlotBatch
from elmobench.tasks.tagging.lstm import LstmTagger, LstmTaggerOptions
from elmobench.tasks.tagging.pipeline import BIOUL, SENTENCE

_CHARACTERS = "text_field_embedder.token_embedder_token_characters"


def outputs(arrays: Arrays) -> dict[str, NDArray[np.generic]]:
    """Return our values of each of the ``output/…`` arrays."""
    vectors = torch.from_numpy(arrays["input/vectors"]).requires_grad_()
    mask = torch.from_numpy(arrays["input/mask"])
    labels = [str(label) for label in arrays["input/tag names"]]
    extra = {"scheme": BIOUL, "characters": str(arrays["input/characters"])}
    codec = LabelCodec(labels=labels, extra=extra)
    hidden = arrays["parameter/encoder._module.weight_hh_l0"].shape[1]
    filters, character_width, window = arrays[
        f"parameter/{_CHARACTERS}._encoder._module.conv_layer_0.weight"
    ].shape
    options = LstmTaggerOptions(
        hidden=hidden,
        char_dim=character_width,
        char_filters=filters,
        char_width=window,
        reduction="sum",
    )
    head = LstmTagger({"input": vectors.shape[2]}, codec, options).eval()
    published = PublishedParameters(arrays)
    # The padding character's vector, which is never read, is zero here.
    characters = published.take(f"{_CHARACTERS}._embedding._module.weight")
    characters[0] = 0
    published.fill(
        head,
        {
            "char_cnn.embedding.weight": characters,
            "char_cnn.convolution.weight": f"{_CHARACTERS}._encoder._module.conv_layer_0.weight",
            "char_cnn.convolution.bias": f"{_CHARACTERS}._encoder._module.conv_layer_0.bias",
            **bilstm_names("encoder", "encoder._module", options.layers),
            "output.weight": "tag_projection_layer._module.weight",
            "output.bias": "tag_projection_layer._module.bias",
            "crf.crf.transitions": "crf.transitions",
        },
    )
    examples = []
    for i, (words, row) in enumerate(zip(arrays["input/words"], arrays["input/tags"], strict=True)):
        tags = tuple(bioul_tag_to_bio(labels[tag]) for tag in row if tag >= 0)
        tokens = tuple(str(word) for word in words[: len(tags)])
        examples.append(TaggedSentence(str(i), tokens, tags))
    sentences = [example.tokens for example in examples]
    batch = Batch(examples, {SENTENCE: SlotBatch(sentences, mask, [])})
    mixed = {"input": {SENTENCE: vectors}}
    loss = head.loss(batch, mixed)
    assert head.char_cnn is not None
    table = head.char_cnn.embedding.weight
    gradient, character_gradient = torch.autograd.grad(loss, [vectors, table])
    logits = head.emissions(batch, mixed) * mask.unsqueeze(-1)
    scores = torch.from_numpy(arrays["input/scores"])
    tag_ids = torch.from_numpy(arrays["input/tags"]).clamp(min=0)
    return {
        "output/logits": logits.detach().numpy(),
        "output/negative log-likelihood per token": (loss / mask.sum()).detach().numpy(),
        "output/log-likelihood of scores": -head.crf.negative_log_likelihood(scores, tag_ids, mask)
        .detach()
        .numpy(),
        "output/decoded tags": _padded(head.crf.decode(logits, mask)),
        "output/decoded scores": _padded(head.crf.decode(scores, mask)),
        "output/allowed transitions": _with_start_and_end(bioul_constraints(labels)),
        "output/gradient of vectors": gradient.numpy(),
        "output/gradient of characters": character_gradient[1:].numpy(),
    }


def _padded(paths: list[list[int]]) -> NDArray[np.int64]:
    longest = max(map(len, paths))
    return np.array([path + [-1] * (longest - len(path)) for path in paths])


def _with_start_and_end(constraints: Constraints) -> NDArray[np.int64]:
    """(K + 2, K + 2): which tag may follow which; the last two are the start and the end."""
    between, first, last = constraints
    tags = len(between)
    allowed = torch.zeros(tags + 2, tags + 2, dtype=torch.long)
    allowed[:tags, :tags] = between
    allowed[tags, :tags] = first
    allowed[:tags, tags + 1] = last
    return allowed.numpy()
