"""The linear probe for coreference: span ranking without recurrent or hidden layers."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from elmobench.nn.dropout import Dropout
from elmobench.nn.quarters import sum_of_quarters
from elmobench.nn.spans import DISTANCES, distance_buckets, rows_of
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.coref.pipeline import SENTENCE, CorefExample
from elmobench.tasks.coref.span_ranking import Pairs, SpanRanker, SpanRankingOptions
from elmobench.tasks.head import Batch, Mixed


class LinearRankerOptions(SpanRankingOptions):
    """Options of :class:`LinearRanker`."""

    max_width: int = Field(default=10, ge=1)
    mention_loss: float = Field(default=1.0, ge=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the token vectors."""


class LinearRanker(SpanRanker[Tensor]):
    """The simplest head able to express the task: it has no recurrent and no hidden layer.

    A span is represented by the vectors of its first and last token, g = [x_first; x_last]. The
    mention score is linear in g, with a bias for each width. The (coarse) pair score is bilinear in
    the two spans plus linear in the anaphor. The fine score is a bias for each distance bucket.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: LinearRankerOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        width = 2 * input_dims["input"]
        self.max_width = options.max_width
        self.dropout = Dropout(options.dropout)
        self.mention = nn.Linear(width, 1)
        self.width_bias = nn.Parameter(torch.zeros(options.max_width))
        # The pair's weights are divided by their width, so that one step of Adam changes pair
        # scores about as much as mention scores for features of any width.
        self.pair = nn.Parameter(torch.zeros(width, width))
        self.anaphor = nn.Parameter(torch.zeros(width))
        self.distance_bias = nn.Parameter(torch.zeros(len(DISTANCES) + 1))

    def encode(self, batch: Batch[CorefExample], mixed: Mixed) -> Tensor:
        """(N, D) token vectors."""
        mask = batch.slots[SENTENCE].mask
        real = batch.once("real", lambda: mask.flatten().nonzero().squeeze(1))
        x: Tensor = self.dropout(rows_of(mixed["input"][SENTENCE].flatten(0, 1), real))
        return x

    def mention_scores(self, tokens: Tensor, first: Tensor, last: Tensor) -> Tensor:
        """See :class:`~elmobench.tasks.coref.span_ranking.SpanRanker`."""
        left, right = (tokens @ self.mention.weight[0].view(2, -1).T).unbind(1)
        return left[first] + right[last] + self.mention.bias + self._width_bias(first, last)

    def represent(self, tokens: Tensor, first: Tensor, last: Tensor) -> Tensor:
        """See :class:`~elmobench.tasks.coref.span_ranking.SpanRanker`."""
        return torch.cat([rows_of(tokens, first), rows_of(tokens, last)], dim=1)

    def represented_scores(self, spans: Tensor, first: Tensor, last: Tensor) -> Tensor:
        """See :class:`~elmobench.tasks.coref.span_ranking.SpanRanker`."""
        scores: Tensor = self.mention(spans).squeeze(1) + self._width_bias(first, last)
        return scores

    def coarse(self, spans: Tensor) -> Tensor:
        """See :class:`~elmobench.tasks.coref.span_ranking.SpanRanker`."""
        pair: Tensor = self.pair
        ends = spans
        if self.max_width == 1:
            first, last = spans.chunk(2, dim=-1)
            # Given mentions, as in GAP, may be longer than one token.
            if torch.equal(first, last):
                # The sum of the four blocks needs a quarter of the products.
                pair, ends = sum_of_quarters(pair), first
        pair = pair / len(self.pair)
        return ends @ pair @ ends.mT + (spans @ self.anaphor).unsqueeze(2)

    def fine(self, spans: Tensor, pairs: Pairs) -> Tensor:
        """See :class:`~elmobench.tasks.coref.span_ranking.SpanRanker`."""
        return self.distance_bias[distance_buckets(pairs.tokens)]

    def _width_bias(self, first: Tensor, last: Tensor) -> Tensor:
        return self.width_bias[(last - first).clamp(max=len(self.width_bias) - 1)]


class ElementwiseRanker(LinearRanker):
    """:class:`LinearRanker` with pair scores that are linear in the features of a pair.

    The (coarse) score of a pair is linear in ``[u ; v ; u * v]``, with u and v the vectors of the
    anaphor and of the antecedent: 6 D weights for tokens of width D, where the bilinear score has
    4 D² + 2 D. The features are those of Liu et al. 2019, section 2.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: LinearRankerOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        width = 2 * input_dims["input"]
        self.pair = nn.Parameter(torch.zeros(width))
        self.antecedent = nn.Parameter(torch.zeros(width))

    def coarse(self, spans: Tensor) -> Tensor:
        """See :class:`~elmobench.tasks.coref.span_ranking.SpanRanker`."""
        own = (spans @ self.anaphor).unsqueeze(2) + (spans @ self.antecedent).unsqueeze(1)
        return (spans * self.pair) @ spans.mT + own
