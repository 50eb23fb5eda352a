"""Heads that label edges: a linear probe, a recurrent encoder, and the head of edge probing."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from elmobench.data.examples import EdgeText
from elmobench.nn.dropout import Dropout
from elmobench.nn.recurrent import BiLstm
from elmobench.nn.spans import attend_spans
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.edges.base import (
    EdgeHead,
    EdgeOptions,
    joined,
    span_maxima,
    span_means,
    token_rows,
)
from elmobench.tasks.edges.pipeline import TEXT
from elmobench.tasks.head import Batch, Mixed


class LinearEdgeOptions(EdgeOptions):
    """Options of :class:`LinearEdges`."""

    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the vector of the edge."""


class LinearEdges(EdgeHead):
    """A linear probe over the mean vectors of the spans: ``[u ; v ; u * v]`` of two, ``u`` of one.

    Source of the features of a pair: Liu et al. 2019, section 2.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: LinearEdgeOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.dropout = Dropout(options.dropout)
        copies = 3 if self.sides == 2 else 1
        self.output = nn.Linear(copies * input_dims["input"], len(codec.labels))

    def scores(self, batch: Batch[EdgeText], mixed: Mixed) -> Tensor:
        """See :class:`EdgeHead`."""
        spans = self.spans(batch)
        tokens = token_rows(mixed["input"][TEXT], batch)
        vectors = [
            span_means(tokens, first, last)
            for first, last in zip(spans.first, spans.last, strict=True)
        ]
        out: Tensor = self.output(self.dropout(joined(vectors)))
        return out


class RecurrentEdgeOptions(EdgeOptions):
    """Options of :class:`RecurrentEdges`."""

    encoder: int = Field(default=100, ge=1)
    """Units of the biLSTM, per direction."""
    input_dropout: float = Field(default=0.2, ge=0, lt=1)
    """Dropout on the token vectors."""
    hidden: int = Field(default=256, ge=1)
    """Units of the hidden layer."""
    dropout: float = Field(default=0.3, ge=0, lt=1)
    """Dropout on the hidden units."""


class RecurrentEdges(EdgeHead):
    """A biLSTM over each sentence, and a hidden ReLU layer over the spans' largest states."""

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: RecurrentEdgeOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.encoder = BiLstm(input_dims["input"], options.encoder)
        self.input_dropout = Dropout(options.input_dropout)
        copies = 3 if self.sides == 2 else 1
        self.hidden = nn.Linear(copies * self.encoder.out_dim, options.hidden)
        self.dropout = Dropout(options.dropout)
        self.output = nn.Linear(options.hidden, len(codec.labels))

    def scores(self, batch: Batch[EdgeText], mixed: Mixed) -> Tensor:
        """See :class:`EdgeHead`."""
        spans = self.spans(batch)
        x = self.input_dropout(mixed["input"][TEXT])
        states = token_rows(self.encoder(x, batch.slots[TEXT].mask), batch)
        vectors = [
            span_maxima(states, first, last)
            for first, last in zip(spans.first, spans.last, strict=True)
        ]
        hidden = torch.relu(self.hidden(joined(vectors)))
        out: Tensor = self.output(self.dropout(hidden))
        return out


class AttentiveEdgeOptions(EdgeOptions):
    """Options of :class:`AttentiveEdges`."""

    projection: int = Field(default=256, ge=1)
    """Width to which the token vectors are projected."""
    hidden: int = Field(default=256, ge=1)
    """Units of the hidden layer."""
    dropout: float = Field(default=0.3, ge=0, lt=1)
    """Dropout on the hidden units."""
    shared: bool = False
    """Whether both spans have the same projection and the same attention."""


class SpanPooling(nn.Module):
    """Project tokens, and average those of each span by a learned attention.

    With projected tokens ``p = A x + b`` and scores ``z = w · p + c``, the vector of a span is
    ``Σ softmax(z) p`` over its tokens (Lee et al. 2017; Tenney et al. 2019, equation 1).
    """

    def __init__(self, input_dim: int, width: int) -> None:
        super().__init__()
        self.projection = nn.Linear(input_dim, width)
        self.attention = nn.Linear(width, 1)

    def forward(self, tokens: Tensor, first: Tensor, last: Tensor) -> Tensor:
        """(E, width) vectors of E spans of the (N, D) tokens; ``last`` is inclusive."""
        projected = self.projection(tokens)
        return attend_spans(self.attention(projected).squeeze(-1), projected, first, last)


class AttentiveEdges(EdgeHead):
    """The head of edge probing (Tenney et al. 2019), as in jiant.

    A :class:`SpanPooling` for each span, their concatenated vectors, a hidden tanh layer with layer
    normalisation and dropout, and one score per label.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: AttentiveEdgeOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        poolings = 1 if options.shared else self.sides
        self.pooling = nn.ModuleList(
            SpanPooling(input_dims["input"], options.projection) for _ in range(poolings)
        )
        self.classifier = nn.Sequential(
            nn.Linear(self.sides * options.projection, options.hidden),
            nn.Tanh(),
            nn.LayerNorm(options.hidden),
            Dropout(options.dropout),
            nn.Linear(options.hidden, len(codec.labels)),
        )

    def scores(self, batch: Batch[EdgeText], mixed: Mixed) -> Tensor:
        """See :class:`EdgeHead`."""
        spans = self.spans(batch)
        tokens = token_rows(mixed["input"][TEXT], batch)
        vectors = [
            self.pooling[min(side, len(self.pooling) - 1)](tokens, first, last)
            for side, (first, last) in enumerate(zip(spans.first, spans.last, strict=True))
        ]
        out: Tensor = self.classifier(torch.cat(vectors, dim=1))
        return out
