"""The base class of the heads that label edges."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from elmobench.core.errors import DataError
from elmobench.data.examples import EdgeText
from elmobench.nn.spans import rows_of
from elmobench.tasks.base import HeadOptions, LabelCodec
from elmobench.tasks.codecs import label_number
from elmobench.tasks.edges.pipeline import TEXT
from elmobench.tasks.head import Batch, Head, Mixed


class EdgeOptions(HeadOptions):
    """Options of every head that labels edges."""

    decision: Literal["data", "one", "several"] = "data"
    """``one``: a softmax, whose best label is predicted. ``several``: every label is decided by
    itself. ``data``: ``one`` if every edge of the training set has exactly one label.
    """
    threshold: float = Field(default=0.5, gt=0, lt=1)
    """Probability from which a label is predicted where each is decided by itself. It is the same
    for all labels.
    """


@dataclass(frozen=True)
class EdgeSpans:
    """The E edges of a batch, each of S spans, in the order of the texts.

    Tokens are numbered over all N real tokens of the batch.

    Attributes:
        first: (S, E) first token of each span.
        last: (S, E) last token, inclusive.
        counts: number of edges of each text.
    """

    first: Tensor
    last: Tensor
    counts: list[int]


class EdgeHead(Head[EdgeText]):
    """Base of the heads that label edges: a subclass scores every label of every edge.

    With a softmax the loss is the cross-entropy; otherwise it is the binary cross-entropy, the mean
    over labels. Both are the mean over the edges of a batch, whichever texts they are of.

    An online code has one label per edge or, where each label is decided by itself, one decision of
    two kinds for every edge and label.
    """

    gives_nats: ClassVar[bool] = True

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: EdgeOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.index = {label: i for i, label in enumerate(codec.labels)}
        self.sides = int(codec.extra["spans"])
        self.threshold = options.threshold
        self.one_label = options.decision == "one" or (
            options.decision == "data" and bool(codec.extra["single"])
        )

    @abstractmethod
    def scores(self, batch: Batch[EdgeText], mixed: Mixed) -> Tensor:
        """(E, K) scores of the K labels, before the softmax or the logistic function."""

    def spans(self, batch: Batch[EdgeText]) -> EdgeSpans:
        """Where the spans of all edges of the batch are.

        Raises:
            DataError: an edge has not as many spans as those of the training set.
        """
        return batch.once(("spans", self.sides), lambda: self._spans(batch))

    def loss(self, batch: Batch[EdgeText], mixed: Mixed) -> Tensor:
        """Mean over the edges.

        Raises:
            DataError: an edge has a label that the codec does not have or, with a softmax, more or
                fewer than one label.
        """
        return self._cross_entropy(batch, self.scores(batch, mixed), "mean")

    @torch.no_grad()
    def nats(self, batch: Batch[EdgeText], mixed: Mixed) -> Tensor:
        """(E,) or (E, K) negative log-likelihoods of labels or decisions, in nats and float64."""
        return self._cross_entropy(batch, self.scores(batch, mixed).double(), "none")

    def coded_labels(self, batch: Batch[EdgeText]) -> int:
        """The number of edges, or of decisions on the labels of edges."""
        edges = sum(len(example.edges) for example in batch.examples)
        return edges if self.one_label else edges * len(self.codec.labels)

    @property
    def label_kinds(self) -> int:
        """The number of labels; 2 where each label is decided by itself."""
        return len(self.codec.labels) if self.one_label else 2

    def _cross_entropy(self, batch: Batch[EdgeText], scores: Tensor, reduction: str) -> Tensor:
        key = ("gold", self.one_label, id(self.codec))
        if self.one_label:
            labels = batch.once(key, lambda: torch.tensor(self._labels(batch)))
            return F.cross_entropy(scores, labels.to(scores.device), reduction=reduction)
        gold = batch.once(key, lambda: self._indicators(batch))
        return F.binary_cross_entropy_with_logits(scores, gold.to(scores), reduction=reduction)

    @torch.no_grad()
    def predict(self, batch: Batch[EdgeText], mixed: Mixed) -> list[list[list[str]]]:
        """The labels of each edge of each text, sorted."""
        scores = self.scores(batch, mixed)
        names = self.codec.labels
        if self.one_label:
            answers = [[names[i]] for i in scores.argmax(dim=1).tolist()]
        else:
            chosen = (scores.sigmoid() >= self.threshold).tolist()
            answers = [
                sorted(names[i] for i, is_chosen in enumerate(row) if is_chosen) for row in chosen
            ]
        counts = self.spans(batch).counts
        return [
            answers[end - count : end]
            for count, end in zip(counts, accumulate(counts), strict=True)
        ]

    def _spans(self, batch: Batch[EdgeText]) -> EdgeSpans:
        rows: list[tuple[tuple[int, int], ...]] = []
        offset = 0
        for example in batch.examples:
            for edge in example.edges:
                if len(edge.spans) != self.sides:
                    raise DataError(
                        f"an edge has {len(edge.spans)} spans, those of the training set "
                        f"{self.sides}",
                        where=f"example {example.id}",
                    )
                rows.append(tuple((offset + a, offset + b) for a, b in edge.spans))
            offset += sum(map(len, example.sentences))
        places = torch.tensor(rows, dtype=torch.long, device=batch.device).permute(1, 2, 0)
        counts = [len(example.edges) for example in batch.examples]
        return EdgeSpans(places[:, 0].contiguous(), places[:, 1].contiguous(), counts)

    def _labels(self, batch: Batch[EdgeText]) -> list[int]:
        numbers = []
        for example in batch.examples:
            for edge in example.edges:
                if len(edge.labels) != 1:
                    raise DataError(
                        f"an edge has {len(edge.labels)} labels, and the head gives one",
                        where=f"example {example.id}",
                        fix="set the head's option decision: several",
                    )
                numbers.append(label_number(self.index, edge.labels[0], example.id))
        return numbers

    def _indicators(self, batch: Batch[EdgeText]) -> Tensor:
        """(E, K) ones where an edge has a label."""
        edges = [(example, edge) for example in batch.examples for edge in example.edges]
        gold = torch.zeros(len(edges), len(self.codec.labels))
        for row, (example, edge) in enumerate(edges):
            for label in edge.labels:
                gold[row, label_number(self.index, label, example.id)] = 1.0
        return gold


def token_rows(x: Tensor, batch: Batch[EdgeText]) -> Tensor:
    """(N, D) vectors of the N real tokens of the batch, text by text, from (B, T, D) ``x``."""
    return x[batch.slots[TEXT].mask]


def span_means(tokens: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """(S, D) mean vectors of S spans of the (N, D) tokens; ``last`` is inclusive."""
    lengths = last - first + 1
    if bool((lengths == 1).all()):
        return rows_of(tokens, first)
    span, token = tokens_of_spans(first, lengths)
    total = tokens.new_zeros(len(first), tokens.shape[1]).index_add(0, span, rows_of(tokens, token))
    return total / lengths.unsqueeze(-1).to(tokens.dtype)


def span_maxima(tokens: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """(S, D) largest value of each dimension over the tokens of S spans; see :func:`span_means`."""
    lengths = last - first + 1
    span, token = tokens_of_spans(first, lengths)
    rows = rows_of(tokens, token)
    low = rows.new_full((len(first), rows.shape[1]), torch.finfo(rows.dtype).min)
    return low.scatter_reduce(0, span.unsqueeze(1).expand_as(rows), rows, "amax")


def tokens_of_spans(first: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """(P,) number of its span, and (P,) number of its token, for each token of each span."""
    span = torch.repeat_interleave(torch.arange(len(first), device=first.device), lengths)
    within = torch.arange(len(span), device=first.device) - (lengths.cumsum(0) - lengths)[span]
    return span, first[span] + within


def joined(vectors: list[Tensor]) -> Tensor:
    """``[u ; v ; u * v]`` of the vectors of two spans, or the vector of a single one.

    These features of a pair are those of Liu et al. 2019, *Linguistic Knowledge and
    Transferability of Contextual Representations*, section 2.
    """
    if len(vectors) == 1:
        return vectors[0]
    u, v = vectors
    return torch.cat([u, v, u * v], dim=1)
