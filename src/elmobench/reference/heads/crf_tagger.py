"""``ner/paper`` with the parameters of allennlp-models' ``CrfTagger``."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from elmobench.data.examples import TaggedSentence
from elmobench.nn.bioul import bioul_tag_to_bio
from elmobench.reference.parameters import Arrays, PublishedParameters, bilstm_names
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.head import Batch, SlotBatch
from elmobench.tasks.tagging.lstm import LstmTagger, LstmTaggerOptions
from elmobench.tasks.tagging.pipeline import BIOUL, SENTENCE


def outputs(arrays: Arrays) -> dict[str, NDArray[np.generic]]:
    """Return our values of each of the ``output/…`` arrays."""
    vectors = torch.from_numpy(arrays["input/vectors"]).requires_grad_()
    mask = torch.from_numpy(arrays["input/mask"])
    labels = [str(label) for label in arrays["input/tag names"]]
    codec = LabelCodec(labels=labels, extra={"scheme": BIOUL})
    hidden = arrays["parameter/encoder._module.weight_hh_l0"].shape[1]
    options = LstmTaggerOptions(hidden=hidden, chars=False, reduction="sum")
    head = LstmTagger({"input": vectors.shape[2]}, codec, options).eval()
    PublishedParameters(arrays).fill(
        head,
        {
            **bilstm_names("encoder", "encoder._module", options.layers),
            "output.weight": "tag_projection_layer._module.weight",
            "output.bias": "tag_projection_layer._module.bias",
            "crf.crf.transitions": "crf.transitions",
        },
    )
    examples = []
    for i, row in enumerate(arrays["input/tags"]):
        tags = tuple(bioul_tag_to_bio(labels[tag]) for tag in row if tag >= 0)
        examples.append(TaggedSentence(str(i), tuple("word" for _ in tags), tags))
    sentences = [example.tokens for example in examples]
    batch = Batch(examples, {SENTENCE: SlotBatch(sentences, mask, [])})
    mixed = {"input": {SENTENCE: vectors}}
    loss = head.loss(batch, mixed)
    (gradient,) = torch.autograd.grad(loss, vectors)
    logits = head.emissions(batch, mixed) * mask.unsqueeze(-1)
    paths = head.crf.decode(logits, mask)
    decoded = [path + [-1] * (mask.shape[1] - len(path)) for path in paths]
    return {
        "output/logits": logits.detach().numpy(),
        "output/negative log-likelihood": loss.detach().numpy(),
        "output/decoded tags": np.array(decoded),
        "output/gradient of vectors": gradient.numpy(),
    }
