"""The base class of the taggers with a conditional random field (CRF)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, cast

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from elmobench.core.errors import DataError
from elmobench.data.examples import (
    TaggedSentence,
)
from elmobench.nn.bioul import bio_to_bioul, bioul_constraints, bioul_tag_to_bio
from elmobench.nn.crf import LinearChainCrf, negative_log_likelihoods
from elmobench.tasks.base import HeadOptions, LabelCodec
from elmobench.tasks.head import Batch, Mixed, SharedLossHead
from elmobench.tasks.padding import BoundedCache, IntArray, pad_rows
from elmobench.tasks.tagging.pipeline import BIOUL, SENTENCE

_CACHED_SENTENCES = 100_000


def tag_ids(tags: Sequence[str], index: Mapping[str, int], example: TaggedSentence) -> IntArray:
    """(T,) ids of the tags of ``example``.

    Args:
        tags: the example's tags in the form that the head uses, for instance BIOUL.
        index: tag -> id.
        example: named in errors.

    Raises:
        DataError: a tag is not in ``index``; names the example and the token.
    """
    for i, tag in enumerate(tags):
        if tag not in index:
            raise DataError(
                f"tag {example.tags[i]!r} does not occur in the training set",
                where=f"example {example.id}, token {i}",
                fix="list the tags in the task card's labels",
            )
    return np.array([index[tag] for tag in tags], dtype=np.int64)


class CrfOptions(HeadOptions):
    """Options of every tagger with a CRF."""

    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Probability of dropping a unit in training; each head says where it applies."""
    reduction: Literal["mean", "sum"] = "mean"
    """The loss is the ``mean`` of the sentences' negative log-likelihoods or, as in the published
    tagger, their ``sum`` over the batch. With Adam the two differ only in the weight of the mix's
    penalty and of gradient clipping relative to the loss.
    """


class CrfHead(SharedLossHead[TaggedSentence]):
    """Base class of the taggers: a subclass computes emission scores, a CRF scores sequences.

    The codec's ``extra["scheme"]`` names the kind of tags. With ``bioul`` the examples have BIO
    tags, the labels are BIOUL tags, decoding is constrained to legal BIOUL sequences, and
    predictions are converted back to BIO. With ``plain`` the tags are used without a change and
    without constraints.

    An online code has one likelihood per sentence. Its labels are the tags of the data: legal BIO
    and BIOUL sequences correspond one to one, and there are fewer kinds of BIO tags.
    """

    gives_nats: ClassVar[bool] = True

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: CrfOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.spans = codec.extra["scheme"] == BIOUL
        self.reduction = options.reduction
        self.index = {label: i for i, label in enumerate(codec.labels)}
        self.output_tags = [bioul_tag_to_bio(tag) if self.spans else tag for tag in codec.labels]
        constraints = bioul_constraints(codec.labels) if self.spans else None
        self.crf = LinearChainCrf(len(codec.labels), constraints)
        self._targets: BoundedCache[tuple[str, ...], IntArray] = BoundedCache(_CACHED_SENTENCES)

    @abstractmethod
    def emissions(self, batch: Batch[TaggedSentence], mixed: Mixed) -> Tensor:
        """(B, T, K) scores of the codec's K labels; undefined at padding."""

    def outputs(self, batch: Batch[TaggedSentence], mixed: Mixed) -> Tensor:
        """The emission scores."""
        return self.emissions(batch, mixed)

    def losses(
        self,
        batch: Batch[TaggedSentence],
        heads: Sequence[SharedLossHead[TaggedSentence]],
        outputs: Sequence[Tensor],
    ) -> list[Tensor]:
        """Negative log-likelihood, reduced over the sentences; that of an empty sentence is 0.

        Raises:
            DataError: tags are not BIO, or the codec does not have them.
        """
        taggers = [cast(CrfHead, head) for head in heads]
        each = self._likelihoods(batch, [tagger.crf for tagger in taggers], outputs)
        return [
            nll.mean() if tagger.reduction == "mean" else nll.sum()
            for tagger, nll in zip(taggers, each, strict=True)
        ]

    @torch.no_grad()
    def nats(self, batch: Batch[TaggedSentence], mixed: Mixed) -> Tensor:
        """(B,) negative log-likelihoods of the tag sequences, in nats."""
        return self._likelihoods(batch, [self.crf], [self.emissions(batch, mixed)])[0]

    def coded_labels(self, batch: Batch[TaggedSentence]) -> int:
        """The number of tokens."""
        return sum(len(example.tokens) for example in batch.examples)

    @property
    def label_kinds(self) -> int:
        """The number of tags that the data can have."""
        return len(set(self.output_tags))

    def _likelihoods(
        self,
        batch: Batch[TaggedSentence],
        crfs: Sequence[LinearChainCrf],
        outputs: Sequence[Tensor],
    ) -> list[Tensor]:
        """(B,) negative log-likelihoods of the sentences, by each CRF and its (B, T, K) scores."""
        mask = batch.slots[SENTENCE].mask
        targets = pad_rows([self._target(e) for e in batch.examples], mask.shape[1])
        return negative_log_likelihoods(crfs, outputs, targets.to(mask.device), mask)

    @torch.no_grad()
    def predict(self, batch: Batch[TaggedSentence], mixed: Mixed) -> list[list[str]]:
        """One list of tags per sentence, one tag per token."""
        paths = self.crf.decode(self.emissions(batch, mixed), batch.slots[SENTENCE].mask)
        return [[self.output_tags[i] for i in path] for path in paths]

    def _target(self, example: TaggedSentence) -> IntArray:
        ids = self._targets.get(example.tags)
        if ids is None:
            try:
                tags = bio_to_bioul(example.tags) if self.spans else example.tags
            except DataError as error:
                raise DataError(
                    error.what, where=f"example {example.id}, {error.where}", fix=error.fix
                ) from error
            ids = self._targets[example.tags] = tag_ids(tags, self.index, example)
        return ids
