"""End-to-end span ranking with a recurrent encoder (Lee et al. 2017, 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor, nn

from elmobench.nn.char_cnn import CharCnn
from elmobench.nn.recurrent import BiLstm
from elmobench.nn.spans import DISTANCES, BlockFeedForward, attend_prefixes, attend_spans
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.characters import CharacterIds
from elmobench.tasks.coref.pipeline import SENTENCE, CorefExample
from elmobench.tasks.coref.span_ranking import Links, SpanRanker, SpanRankingOptions
from elmobench.tasks.head import Batch, Mixed

_LONGER = 2
"""Sentences are encoded together while the longest has at most so many times the shortest's."""
_SHORT = 8


class EndToEndOptions(SpanRankingOptions):
    """Options of :class:`EndToEndRanker`; the defaults are the published sizes.

    ``iterations`` is the published depth: how often pairs are scored. Before each further time
    spans are updated with their expected antecedents (Lee et al. 2018, section 3).

    Attributes:
        layers, hidden: of the biLSTM over each sentence; units a direction.
        feedforward, depth: units and number of the hidden layers of both scorers.
        feature_dim: width of the embeddings of a span's width and a pair's distance.
        char_dim, char_filters, char_widths: of the character CNNs beside the features, one for
            each width; none for an empty list.
        coarse: choose antecedents by a bilinear pair score, which also counts (Lee et al. 2018);
            else the nearest kept spans.
        lexical_dropout: on the token vectors.
        lstm_dropout: between the biLSTM's layers and on its output.
        dropout: in the scorers, and on the feature embeddings.
    """

    layers: int = Field(default=3, ge=1)
    hidden: int = Field(default=200, ge=1)
    feedforward: int = Field(default=150, ge=1)
    depth: int = Field(default=2, ge=1)
    feature_dim: int = Field(default=20, ge=1)
    char_dim: int = Field(default=8, ge=1)
    char_filters: int = Field(default=50, ge=1)
    char_widths: tuple[int, ...] = (3, 4, 5)
    coarse: bool = True
    lexical_dropout: float = Field(default=0.5, ge=0, lt=1)
    lstm_dropout: float = Field(default=0.4, ge=0, lt=1)
    dropout: float = Field(default=0.2, ge=0, lt=1)


@dataclass(frozen=True)
class EncodedTokens:
    """The N tokens of a batch.

    Attributes:
        values: (N, V) features and characters: what a span's attention averages.
        states: (N, H) of the biLSTM: a span's ends.
        attention: (N,) scores of the span's attention.
    """

    values: Tensor
    states: Tensor
    attention: Tensor


class EndToEndRanker(SpanRanker[EncodedTokens]):
    """biLSTM, spans as ends, attention and width, feed-forward scorers of mentions and pairs.

    A span is [h_first; h_last; Σ a_t v_t; width]: states at its ends, the input vectors of its
    tokens weighted by attention over their states, and an embedding of its width. The pair score
    reads [g_i; g_j; g_i ∘ g_j; distance].

    Departures from the published model: no speaker, genre or segment features; distances in
    tokens (see :class:`SpanRanker`); no highway connections between the biLSTM's layers, and
    dropout drawn anew for each token; the learning rate does not decay; one table of input
    vectors for the biLSTM and the attention, where the published one has a second, smaller set of
    static vectors; documents are not cut in training, and ELMo's vectors enter as the experiment's
    features say, which is with GloVe beside it in the published one (``glove…+elmo…``).
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
        """See :class:`SpanRanker`."""
        x, unit = mixed["input"][SENTENCE], batch.slots[SENTENCE]
        if len(self.char_cnns):
            words, rows = self.characters.batch(unit.tokens, x.shape[1])
            spelled = torch.cat([cnn(words.to(x.device)) for cnn in self.char_cnns], dim=-1)
            x = torch.cat([x, spelled[rows.to(x.device)]], dim=-1)
        x = self.lexical_dropout(x)
        states = self.lstm_dropout(self._read(x, unit.mask)[unit.mask])
        return EncodedTokens(x[unit.mask], states, self.attention(states).squeeze(-1))

    def _read(self, x: Tensor, mask: Tensor) -> Tensor:
        """The biLSTM over sentences, those of like length together: little of it is padding."""
        lengths = mask.sum(dim=1)
        order = lengths.argsort(stable=True)
        out = x.new_zeros(*x.shape[:2], self.encoder.out_dim)
        groups: list[list[int]] = []
        shortest = 0
        for row, length in zip(order.tolist(), lengths[order].tolist(), strict=True):
            if not groups or length > max(_SHORT, _LONGER * shortest):
                groups.append([])
                shortest = length
            groups[-1].append(row)
        for group in groups:
            longest = int(lengths[group[-1]])
            read = self.encoder(x[group, :longest], mask[group, :longest])
            rows = torch.tensor(group, device=x.device)
            padded = nn.functional.pad(read, (0, 0, 0, x.shape[1] - longest))
            out = out.index_copy(0, rows, padded)
        return out

    def mention_scores(self, tokens: EncodedTokens, first: Tensor, last: Tensor) -> Tensor:
        """See :class:`SpanRanker`."""
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
        """See :class:`SpanRanker`."""
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
        """See :class:`SpanRanker`."""
        scores: Tensor = self.mention(spans)
        return scores

    def coarse(self, spans: Tensor) -> Tensor | None:
        """See :class:`SpanRanker`."""
        if self.bilinear is None:
            return None
        scores: Tensor = self.dropout(self.bilinear(spans)) @ spans.mT
        return scores

    def fine(self, spans: Tensor, rows: Tensor, antecedents: Tensor, distance: Tensor) -> Tensor:
        """See :class:`SpanRanker`."""
        product = spans[rows].unsqueeze(1) * spans[antecedents]  # (R, A, G), the largest tensor
        total = self.pair.project(2, product)
        total = total + self.pair.project(0, spans)[rows].unsqueeze(1)
        total = total + self.pair.project(1, spans)[antecedents]
        buckets = self.pair.project(3, self.dropout(self.distance_embedding.weight))
        return self.pair.finish(total + buckets[distance])

    def refine(self, spans: Tensor, links: Links) -> Tensor:
        """A gate between each resolved span and its expected antecedent (itself for none)."""
        assert self.gate is not None
        own = spans[links.rows]
        chances = links.scores.softmax(dim=1)
        expected = chances[:, :1] * own
        expected = expected + (chances[:, 1:].unsqueeze(1) @ spans[links.antecedents]).squeeze(1)
        gate = torch.sigmoid(self.gate(torch.cat([own, expected], dim=1)))
        return spans.index_copy(0, links.rows, gate * own + (1 - gate) * expected)
