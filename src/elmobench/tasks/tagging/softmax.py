"""The published part-of-speech probe: one linear layer per token, without a CRF."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from elmobench.data.examples import (
    TaggedSentence,
)
from elmobench.nn.bioul import bioul_tag_to_bio
from elmobench.nn.dropout import Dropout
from elmobench.tasks.base import HeadOptions, LabelCodec
from elmobench.tasks.head import Batch, Head, Mixed
from elmobench.tasks.padding import IntArray
from elmobench.tasks.tagging.base import tag_ids
from elmobench.tasks.tagging.pipeline import BIOUL, SENTENCE


class SoftmaxTaggerOptions(HeadOptions):
    """Options of :class:`SoftmaxTagger`."""

    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the token vectors."""


class SoftmaxTagger(Head[TaggedSentence]):
    """The published part-of-speech probe (Peters et al. 2018, section 5.3): one linear layer.

    Every token is tagged by itself, so information about its context has to be in its vector. The
    paper trains it on one frozen layer at a time, which is the mix ``layer=k`` here. There is one
    departure from the paper: the vectors are standardised on train, as for every ``linear`` head,
    so that one learning rate suits embeddings of any scale. The set of functions that the layer
    can express is the same.

    Of tasks with spans it predicts the BIO tags of the data, each by itself. No constraint keeps an
    I from following an O; as conlleval reads such tags, the I begins a span.
    """

    gives_nats: ClassVar[bool] = True

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: SoftmaxTaggerOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.tags = codec.labels
        if codec.extra["scheme"] == BIOUL:
            self.tags = list(dict.fromkeys(map(bioul_tag_to_bio, codec.labels)))
        self.index = {tag: i for i, tag in enumerate(self.tags)}
        self.dropout = Dropout(options.dropout)
        self.output = nn.Linear(input_dims["input"], len(self.tags))

    def emissions(self, batch: Batch[TaggedSentence], mixed: Mixed) -> Tensor:
        """(B, T, K) scores of the K tags; undefined at padding."""
        out: Tensor = self.output(self.dropout(mixed["input"][SENTENCE]))
        return out

    def loss(self, batch: Batch[TaggedSentence], mixed: Mixed) -> Tensor:
        """Cross-entropy, summed over a sentence's tokens and averaged over the sentences.

        Raises:
            DataError: an example has a tag that the codec does not have.
        """
        scores, gold = self._scores_and_gold(batch, mixed)
        return F.cross_entropy(scores, gold, reduction="sum") / len(batch.examples)

    @torch.no_grad()
    def nats(self, batch: Batch[TaggedSentence], mixed: Mixed) -> Tensor:
        """(N,) negative log-likelihoods of the tags of the N tokens, in nats and float64."""
        scores, gold = self._scores_and_gold(batch, mixed)
        return F.cross_entropy(scores.double(), gold, reduction="none")

    def coded_labels(self, batch: Batch[TaggedSentence]) -> int:
        """The number of tokens."""
        return sum(len(example.tokens) for example in batch.examples)

    @property
    def label_kinds(self) -> int:
        """The number of tags that the data can have."""
        return len(self.tags)

    def _scores_and_gold(self, batch: Batch[TaggedSentence], mixed: Mixed) -> tuple[Tensor, Tensor]:
        """(N, K) scores and (N,) ids of the tags, of the N tokens without padding."""
        # Places are found once; the gradient of a selection by a mask would find them again.
        real = batch.slots[SENTENCE].mask.nonzero(as_tuple=True)
        scores = self.emissions(batch, mixed)[real]
        targets = batch.once(
            ("tags", id(self.codec)),
            lambda: torch.from_numpy(np.concatenate([*map(self._target, batch.examples)])),
        )
        return scores, targets.to(scores.device)

    @torch.no_grad()
    def predict(self, batch: Batch[TaggedSentence], mixed: Mixed) -> list[list[str]]:
        """One list of tags per sentence, one tag per token."""
        best = self.emissions(batch, mixed).argmax(dim=-1).tolist()
        return [
            [self.tags[i] for i in row[: len(tokens)]]
            for row, tokens in zip(best, batch.slots[SENTENCE].tokens, strict=True)
        ]

    def _target(self, example: TaggedSentence) -> IntArray:
        return tag_ids(example.tags, self.index, example)
