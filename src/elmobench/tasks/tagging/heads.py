"""Heads that give every token a tag: probes with and without a CRF, the published tagger."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from elmobench.core.errors import DataError
from elmobench.data.examples import TaggedSentence
from elmobench.nn.bioul import bio_to_bioul, bioul_constraints, bioul_tag_to_bio
from elmobench.nn.char_cnn import CharCnn
from elmobench.nn.crf import LinearChainCrf
from elmobench.nn.recurrent import BiLstm
from elmobench.tasks.base import Batch, Head, HeadOptions, LabelCodec, Mixed
from elmobench.tasks.characters import CharacterIds
from elmobench.tasks.padding import BoundedCache, IntArray, pad_rows

UNIT = "sentence"
BIOUL = "bioul"
PLAIN = "plain"
_CACHED_SENTENCES = 100_000


def tag_ids(tags: Sequence[str], index: Mapping[str, int], example: TaggedSentence) -> IntArray:
    """Ids of ``tags``, those of ``example`` in whatever form the head reads.

    Raises:
        DataError: for a tag that is not in ``index``; names the example and the token.
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
    """Options of every tagger.

    Attributes:
        dropout: share of units that are dropped in training; where, the head says.
        reduction: the loss is the ``mean`` of the sentences' negative log-likelihoods or, as the
            published tagger has it, their ``sum`` over the batch. With Adam the two differ only
            in how much the mix's penalty and the gradient's clipping weigh beside the loss.
    """

    dropout: float = Field(default=0.0, ge=0, lt=1)
    reduction: Literal["mean", "sum"] = "mean"


class CrfHead(Head[TaggedSentence]):
    """Base of the taggers: emission scores from a subclass, then a CRF.

    The codec's ``extra["scheme"]`` says what the tags are. For ``bioul`` the examples carry BIO
    tags, the labels are BIOUL tags, decoding is constrained to legal BIOUL sequences, and
    predictions are BIO again. For ``plain`` tags are used as they are, without constraints.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: CrfOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.spans = codec.extra["scheme"] == BIOUL
        self.reduction = options.reduction
        self.index = {label: i for i, label in enumerate(codec.labels)}
        self.written = [bioul_tag_to_bio(tag) if self.spans else tag for tag in codec.labels]
        constraints = bioul_constraints(codec.labels) if self.spans else None
        self.crf = LinearChainCrf(len(codec.labels), constraints)
        self._targets: BoundedCache[tuple[str, ...], IntArray] = BoundedCache(_CACHED_SENTENCES)

    @abstractmethod
    def emissions(self, batch: Batch[TaggedSentence], mixed: Mixed) -> Tensor:
        """(B, T, K) scores of the codec's labels; whatever at padding."""

    def loss(self, batch: Batch[TaggedSentence], mixed: Mixed) -> Tensor:
        """Negative log-likelihood, reduced over the sentences (empty ones count 0).

        Raises:
            DataError: for tags that are not BIO or that the codec does not hold.
        """
        mask = batch.units[UNIT].mask
        scores = self.emissions(batch, mixed)
        targets = pad_rows([self._target(e) for e in batch.examples], mask.shape[1])
        nll = self.crf.negative_log_likelihood(scores, targets.to(scores.device), mask)
        return nll.mean() if self.reduction == "mean" else nll.sum()

    @torch.no_grad()
    def predict(self, batch: Batch[TaggedSentence], mixed: Mixed) -> list[list[str]]:
        """One list of tags a sentence, as many as it has tokens."""
        paths = self.crf.decode(self.emissions(batch, mixed), batch.units[UNIT].mask)
        return [[self.written[i] for i in path] for path in paths]

    def _target(self, example: TaggedSentence) -> IntArray:
        found = self._targets.get(example.tags)
        if found is None:
            try:
                tags = bio_to_bioul(example.tags) if self.spans else example.tags
            except DataError as error:
                raise DataError(
                    error.what, where=f"example {example.id}, {error.where}", fix=error.fix
                ) from error
            found = self._targets[example.tags] = tag_ids(tags, self.index, example)
        return found


class LinearTaggerOptions(CrfOptions):
    """Options of :class:`LinearTagger`.

    Attributes:
        dropout: on the token vectors.
    """


class LinearTagger(CrfHead):
    """A probe: dropout, one linear layer, CRF."""

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: LinearTaggerOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.dropout = nn.Dropout(options.dropout)
        self.output = nn.Linear(input_dims["input"], len(codec.labels))

    def emissions(self, batch: Batch[TaggedSentence], mixed: Mixed) -> Tensor:
        """(B, T, K) scores."""
        out: Tensor = self.output(self.dropout(mixed["input"][UNIT]))
        return out


class LstmTaggerOptions(CrfOptions):
    """Options of :class:`LstmTagger`; the defaults are the published sizes.

    Attributes:
        layers: biLSTM layers.
        hidden: units a direction.
        chars: put a character CNN beside the features.
        char_dim: width of a character embedding.
        char_filters: filters of the character CNN.
        char_width: characters a window.
        dropout: on the token vectors, between the biLSTM's layers and on its output.
    """

    layers: int = Field(default=2, ge=1)
    hidden: int = Field(default=200, ge=1)
    chars: bool = True
    char_dim: int = Field(default=16, ge=1)
    char_filters: int = Field(default=128, ge=1)
    char_width: int = Field(default=3, ge=1)
    dropout: float = Field(default=0.5, ge=0, lt=1)


class LstmTagger(CrfHead):
    """Features beside a character CNN, biLSTM, linear layer, CRF."""

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: LstmTaggerOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        width = input_dims["input"]
        self.characters: CharacterIds | None = None
        self.char_cnn: CharCnn | None = None
        if options.chars:
            self.characters = CharacterIds(codec.extra["characters"])
            self.char_cnn = CharCnn(
                len(self.characters), options.char_dim, options.char_filters, options.char_width
            )
            width += self.char_cnn.out_dim
        self.dropout = nn.Dropout(options.dropout)
        self.encoder = BiLstm(width, options.hidden, options.layers, options.dropout)
        self.output = nn.Linear(self.encoder.out_dim, len(codec.labels))

    def emissions(self, batch: Batch[TaggedSentence], mixed: Mixed) -> Tensor:
        """(B, T, K) scores."""
        x = mixed["input"][UNIT]
        unit = batch.units[UNIT]
        if self.char_cnn is not None and self.characters is not None:
            words, rows = self.characters.batch(unit.tokens, x.shape[1])
            spelled = self.char_cnn(words.to(x.device))
            # At padding this is some word's vector, which the encoder never reads.
            x = torch.cat([x, spelled[rows.to(x.device)]], dim=-1)
        encoded = self.encoder(self.dropout(x), unit.mask)
        out: Tensor = self.output(self.dropout(encoded))
        return out


class SoftmaxTaggerOptions(HeadOptions):
    """Options of :class:`SoftmaxTagger`.

    Attributes:
        dropout: on the token vectors.
    """

    dropout: float = Field(default=0.0, ge=0, lt=1)


class SoftmaxTagger(Head[TaggedSentence]):
    """The published part-of-speech probe (Peters et al. 2018, section 5.3): one linear layer.

    Every token is tagged by itself, so what its neighbours say must be in its vector already.
    The paper trains it on one frozen layer at a time; that is the mix ``layer=k`` here. It
    departs from the paper in one thing: the vectors are standardised on train, as for every
    ``linear`` head, so that one learning rate suits embeddings of any scale. What the layer can
    express is the same.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: SoftmaxTaggerOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.index = {label: i for i, label in enumerate(codec.labels)}
        self.dropout = nn.Dropout(options.dropout)
        self.output = nn.Linear(input_dims["input"], len(codec.labels))

    def emissions(self, batch: Batch[TaggedSentence], mixed: Mixed) -> Tensor:
        """(B, T, K) scores of the codec's labels; whatever at padding."""
        out: Tensor = self.output(self.dropout(mixed["input"][UNIT]))
        return out

    def loss(self, batch: Batch[TaggedSentence], mixed: Mixed) -> Tensor:
        """Cross-entropy summed over a sentence's tokens, then the mean over the sentences.

        Raises:
            DataError: for a tag that the codec does not hold.
        """
        scores = self.emissions(batch, mixed)[batch.units[UNIT].mask]
        targets = np.concatenate([self._target(example) for example in batch.examples])
        gold = torch.from_numpy(targets).to(scores.device)
        return F.cross_entropy(scores, gold, reduction="sum") / len(batch.examples)

    @torch.no_grad()
    def predict(self, batch: Batch[TaggedSentence], mixed: Mixed) -> list[list[str]]:
        """One list of tags a sentence, as many as it has tokens."""
        best = self.emissions(batch, mixed).argmax(dim=-1).tolist()
        return [
            [self.codec.labels[i] for i in row[: len(tokens)]]
            for row, tokens in zip(best, batch.units[UNIT].tokens, strict=True)
        ]

    def _target(self, example: TaggedSentence) -> IntArray:
        return tag_ids(example.tags, self.index, example)
