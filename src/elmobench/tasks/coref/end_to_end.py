"""End-to-end span ranking with a recurrent encoder, in affordable sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor, nn

from elmobench.nn.char_cnn import CharCnn
from elmobench.nn.recurrent import BiLstm
from elmobench.nn.spans import (
    DISTANCES,
    BlockFeedForward,
    attend_prefixes,
    attend_spans,
    distance_buckets,
)
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.characters import CharacterIds
from elmobench.tasks.coref.pipeline import SENTENCE, CorefExample
from elmobench.tasks.coref.span_ranking import (
    Links,
    Pairs,
    SpanRanker,
    SpanRankingOptions,
    mixed_with_antecedents,
)
from elmobench.tasks.head import Batch, Mixed

_LONGER = 2
"""Sentences are encoded together if the longest has at most this many times the tokens of the
shortest."""
_SHORT = 8
"""Sentences of at most this many tokens are always encoded together."""


class EndToEndOptions(SpanRankingOptions):
    """Options of :class:`EndToEndRanker`.

    With more than one of ``iterations``, spans are updated with their expected antecedents before
    pairs are scored again (Lee et al. 2018, section 3).
    """

    layers: int = Field(default=3, ge=1)
    """Layers of the biLSTM over each sentence."""
    hidden: int = Field(default=200, ge=1)
    """Units of this biLSTM per direction."""
    feedforward: int = Field(default=150, ge=1)
    """Units of the hidden layers of both scorers."""
    depth: int = Field(default=2, ge=1)
    """Number of hidden layers of each scorer."""
    feature_dim: int = Field(default=20, ge=1)
    """Width of the embeddings of a span's width and of a pair's distance."""
    char_dim: int = Field(default=8, ge=1)
    """Width of a character embedding."""
    char_filters: int = Field(default=50, ge=1)
    """Filters of each character CNN."""
    char_widths: tuple[int, ...] = (3, 4, 5)
    """Characters per window, of one character CNN each; its output is concatenated with the
    features. Empty for no character CNN.
    """
    coarse: bool = True
    """Choose antecedents by a bilinear pair score that is part of the final score (Lee et al.
    2018); otherwise the nearest kept spans are the antecedents.
    """
    lexical_dropout: float = Field(default=0.5, ge=0, lt=1)
    """Dropout on the token vectors."""
    lstm_dropout: float = Field(default=0.4, ge=0, lt=1)
    """Dropout between the biLSTM's layers and on its output."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Dropout in the scorers, and on the feature embeddings."""


@dataclass(frozen=True)
class EncodedTokens:
    """What is computed of the N tokens of a batch.

    Attributes:
        values: (N, V) features and characters, which a span's attention averages.
        states: (N, H) states of the biLSTM, which represent a span's ends.
        attention: (N,) attention scores, before the softmax over a span.
    """

    values: Tensor
    states: Tensor
    attention: Tensor


class EndToEndRanker(SpanRanker[EncodedTokens]):
    """An affordable relative of the published models: a biLSTM, and feed-forward scorers.

    A span's vector is [h_first; h_last; Σ a_t v_t; width]: the states at its ends, the input
    vectors of its tokens weighted by attention over their states, and an embedding of its width.
    The pair score reads [g_i; g_j; g_i ∘ g_j; distance], the distance counted in tokens.

    The published models are :class:`~elmobench.tasks.coref.lee.LeeRanker`. Here the biLSTM is
    torch's, the attention reads its inputs, speaker and genre are not used, and the weights
    start as torch draws them.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: EndToEndOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        width = input_dims["input"]
        self.characters = CharacterIds(codec.extra["characters"])
        self.char_cnns = nn.ModuleList(
            CharCnn(len(self.characters), options.char_dim, options.char_filters, window)
            for window in options.char_widths
        )
        width += options.char_filters * len(options.char_widths)
        self.lexical_dropout = nn.Dropout(options.lexical_dropout)
        self.lstm_dropout = nn.Dropout(options.lstm_dropout)
        self.dropout = nn.Dropout(options.dropout)
        self.encoder = BiLstm(width, options.hidden, options.layers, options.lstm_dropout)
        states = self.encoder.out_dim
        # A bias would cancel in the softmax over a span.
        self.attention = nn.Linear(states, 1, bias=False)
        self.width_embedding = nn.Embedding(options.max_width, options.feature_dim)
        self.distance_embedding = nn.Embedding(len(DISTANCES) + 1, options.feature_dim)
        blocks = (states, states, width, options.feature_dim)
        span = sum(blocks)
        sizes = (options.feedforward, options.depth, options.dropout)
        self.mention = BlockFeedForward(blocks, *sizes)
        self.pair = BlockFeedForward((span, span, span, options.feature_dim), *sizes)
        self.bilinear = nn.Linear(span, span, bias=False) if options.coarse else None
        self.gate = nn.Linear(2 * span, span) if options.iterations > 1 else None

    def encode(self, batch: Batch[CorefExample], mixed: Mixed) -> EncodedTokens:
        """See :class:`~elmobench.tasks.coref.span_ranking.SpanRanker`."""
        x, slot = mixed["input"][SENTENCE], batch.slots[SENTENCE]
        if len(self.char_cnns):
            words, rows = self.characters.batch(slot.tokens, x.shape[1])
            spelled = torch.cat([cnn(words.to(x.device)) for cnn in self.char_cnns], dim=-1)
            x = torch.cat([x, spelled[rows.to(x.device)]], dim=-1)
        x = self.lexical_dropout(x)
        states = self.lstm_dropout(self._encoded(x, slot.mask)[slot.mask])
        return EncodedTokens(x[slot.mask], states, self.attention(states).squeeze(-1))

    def _encoded(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, T, H) states of the biLSTM.

        Sentences of similar length are encoded together, so that there is little padding.
        """
        lengths = mask.sum(dim=1)
        order = lengths.argsort(stable=True)
        out = x.new_zeros(*x.shape[:2], self.encoder.out_dim)
        groups: list[list[tuple[int, int]]] = []  # rows with their lengths, ascending
        for row, length in zip(order.tolist(), lengths[order].tolist(), strict=True):
            if not groups or length > max(_SHORT, _LONGER * groups[-1][0][1]):
                groups.append([])
            groups[-1].append((row, length))
        for group in groups:
            longest = group[-1][1]
            rows = torch.tensor([row for row, _ in group], device=x.device)
            states = self.encoder(x[rows, :longest], mask[rows, :longest])
            padded = nn.functional.pad(states, (0, 0, 0, x.shape[1] - longest))
            out = out.index_copy(0, rows, padded)
        return out

    def mention_scores(self, tokens: EncodedTokens, first: Tensor, last: Tensor) -> Tensor:
        """See :class:`~elmobench.tasks.coref.span_ranking.SpanRanker`."""
        width = last - first
        most = int(width.max()) + 1
        heads = attend_prefixes(
            tokens.attention, self.mention.project(2, tokens.values), most
        )  # (N, most, F)
        total = self.mention.project(0, tokens.states)[first]
        total = total + self.mention.project(1, tokens.states)[last]
        total = total + heads[first, width]
        widths = self.mention.project(3, self.dropout(self.width_embedding.weight))
        return self.mention.finish(total + widths[width])

    def represent(self, tokens: EncodedTokens, first: Tensor, last: Tensor) -> Tensor:
        """See :class:`~elmobench.tasks.coref.span_ranking.SpanRanker`."""
        width = (last - first).clamp(max=self.width_embedding.num_embeddings - 1)
        return torch.cat(
            [
                tokens.states[first],
                tokens.states[last],
                attend_spans(tokens.attention, tokens.values, first, last),
                self.dropout(self.width_embedding(width)),
            ],
            dim=1,
        )

    def represented_scores(self, spans: Tensor, first: Tensor, last: Tensor) -> Tensor:
        """See :class:`~elmobench.tasks.coref.span_ranking.SpanRanker`."""
        scores: Tensor = self.mention(spans)
        return scores

    def coarse(self, spans: Tensor) -> Tensor | None:
        """See :class:`~elmobench.tasks.coref.span_ranking.SpanRanker`."""
        if self.bilinear is None:
            return None
        scores: Tensor = self.dropout(self.bilinear(spans)) @ spans.mT
        return scores

    def fine(self, spans: Tensor, pairs: Pairs) -> Tensor:
        """See :class:`~elmobench.tasks.coref.span_ranking.SpanRanker`."""
        rows, antecedents = pairs.rows, pairs.antecedents
        product = spans[rows].unsqueeze(1) * spans[antecedents]  # (R, A, G), the largest tensor
        total = self.pair.project(2, product)
        total = total + self.pair.project(0, spans)[rows].unsqueeze(1)
        total = total + self.pair.project(1, spans)[antecedents]
        buckets = self.pair.project(3, self.dropout(self.distance_embedding.weight))
        return self.pair.finish(total + buckets[distance_buckets(pairs.tokens)])

    def refine(self, spans: Tensor, links: Links) -> Tensor:
        """Mix each resolved span with its expected antecedent through a gate.

        A span without an antecedent counts as its own. See
        :class:`~elmobench.tasks.coref.span_ranking.SpanRanker`.
        """
        assert self.gate is not None
        return mixed_with_antecedents(self.gate, spans, links)
