"""End-to-end coreference resolution as published: Lee et al. (2017) and (2018)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from elmobench.nn.coupled_lstm import CoupledBiLstm
from elmobench.nn.glorot import glorot_uniform_
from elmobench.nn.padded_char_cnn import PaddedCharCnn
from elmobench.nn.spans import (
    PUBLISHED_DISTANCES,
    BlockFeedForward,
    attend_prefixes,
    attend_spans,
    distance_buckets,
    rows_of,
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


class LeeOptions(SpanRankingOptions):
    """Options of :class:`LeeRanker`; the presets set those in which the publications differ."""

    layers: int = Field(default=1, ge=1)
    """Layers of the biLSTM over each sentence."""
    hidden: int = Field(default=200, ge=1)
    """Units of this biLSTM per direction."""
    separate_weights: bool = False
    """Whether the biLSTM's weights for inputs and states are drawn separately and have a bias each
    (2017), instead of as one matrix with one bias (2018).
    """
    feedforward: int = Field(default=150, ge=1)
    """Units of the hidden layers of both scorers."""
    depth: int = Field(default=2, ge=1)
    """Number of hidden layers of each scorer."""
    feature_dim: int = Field(default=20, ge=1)
    """Width of the embeddings of a span's width, a pair's distance, speakers and genre."""
    char_dim: int = Field(default=8, ge=1)
    """Width of a character embedding."""
    char_filters: int = Field(default=50, ge=1)
    """Filters of each width of the character CNN."""
    char_widths: tuple[Annotated[int, Field(ge=1)], ...] = (3, 4, 5)
    """Characters per window of the character CNN; empty for no character CNN."""
    metadata: bool = True
    """Whether pairs have features of speaker and genre; those that the training set lacks are left
    out in any case.
    """
    coarse: bool = False
    """Choose antecedents by a bilinear pair score that is part of the final score (2018);
    otherwise the nearest kept spans are the antecedents (2017).
    """
    shared_lexical_dropout: bool = False
    """Whether the biLSTM and the attention in spans read the same word vectors with the same
    dropout (2017), instead of with a dropout each (2018).
    """
    training_sentences: int | None = Field(default=50, ge=1)
    lexical_dropout: float = Field(default=0.5, ge=0, lt=1)
    """Dropout on the token vectors."""
    lstm_dropout: float = Field(default=0.2, ge=0, lt=1)
    """Dropout on the biLSTM's recurrent state and output."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Dropout in the scorers, and on the feature embeddings."""


@dataclass(frozen=True)
class LeeTokens:
    """What is computed of the N tokens of a batch.

    Attributes:
        values: (N, V) static vectors and characters, which a span's attention averages.
        states: (N, H) states of the biLSTM, which represent a span's ends.
        attention: (N,) attention scores, before the softmax over a span.
        widths: (N, W, F) embedding of the width of each span of 1 to W tokens from a token on,
            with the dropout of that span.
    """

    values: Tensor
    states: Tensor
    attention: Tensor
    widths: Tensor


class LeeRanker(SpanRanker[LeeTokens]):
    """The published models: a coupled biLSTM, and feed-forward scorers of mentions and pairs.

    A span's vector is [h_first; h_last; Σ a_t v_t; width]: the states at its ends, the static
    vectors and characters of its tokens weighted by attention over their states, and an embedding
    of its width. The pair score reads [g_i; g_j; g_i ∘ g_j; speaker; genre; distance], the distance
    counted in kept spans. Contextual parts of the features enter the biLSTM alone. All weights
    start as in TensorFlow (:func:`~elmobench.nn.glorot.glorot_uniform_`).

    Source: Lee et al. (2017), https://aclanthology.org/D17-1018; Lee et al. (2018),
    https://aclanthology.org/N18-2108; the code of both, e2e-coref (``coref_model.py``, ``util.py``,
    ``experiments.conf``).

    Departures from the published models:

    * The features are the experiment's. Published are GloVe 840B and Turian's vectors (2017), or
      GloVe 840B for the biLSTM and GloVe of a window of two words for the attention (2018); here
      every static part enters both. Without a static part the attention reads characters alone.
    * Characters are those of the training set, without those of dev and test.
    * The attention scores have no bias, which would cancel in the softmax.
    * A genre that the training set lacks has a zero vector; published, it is an error.

    Without an entry ``static`` in ``input_dims``, all features count as static.
    """

    splits_input: ClassVar[bool] = True

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: LeeOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.options: LeeOptions = options
        width = input_dims["input"]
        static = input_dims.get("static", width)
        self.characters = CharacterIds(codec.extra["characters"])
        # Padding and unknown characters have one vector, number 0.
        count, widths = len(self.characters) - 1, options.char_widths
        self.char_cnn = (
            PaddedCharCnn(count, options.char_dim, options.char_filters, widths) if widths else None
        )
        spelled = self.char_cnn.out_dim if self.char_cnn is not None else 0
        self.lexical_dropout = nn.Dropout(options.lexical_dropout)
        self.dropout = nn.Dropout(options.dropout)
        self.encoder = CoupledBiLstm(
            width + spelled,
            options.hidden,
            options.layers,
            options.lstm_dropout,
            separate=options.separate_weights,
        )
        states, values, features = self.encoder.out_dim, static + spelled, options.feature_dim
        self.attention = nn.Linear(states, 1, bias=False)
        self.width_embedding = nn.Embedding(options.max_width, features)
        self.distance_embedding = nn.Embedding(len(PUBLISHED_DISTANCES) + 1, features)
        speakers = options.metadata and codec.extra.get("speakers", False)
        genres = len(self.genres) if options.metadata else 0
        self.speaker_embedding = nn.Embedding(2, features) if speakers else None
        self.genre_embedding = nn.Embedding(genres, features) if genres else None
        blocks = (states, states, values, features)
        span = sum(blocks)
        pair = features * (1 + bool(speakers) + bool(genres))
        sizes = (options.feedforward, options.depth, options.dropout)
        self.mention = BlockFeedForward(blocks, *sizes)
        self.pair = BlockFeedForward((span, span, span, pair), *sizes)
        self.source = nn.Linear(span, span) if options.coarse else None
        self.gate = nn.Linear(2 * span, span) if options.iterations > 1 else None
        for name, module in self.named_children():
            if name not in ("encoder", "char_cnn"):  # those draw their own
                module.apply(glorot_uniform_)

    def encode(self, batch: Batch[CorefExample], mixed: Mixed) -> LeeTokens:
        """See :class:`~elmobench.tasks.coref.span_ranking.SpanRanker`."""
        slot = batch.slots[SENTENCE]
        static = mixed.get("static", mixed["input"])[SENTENCE][slot.mask]
        words = torch.cat([static, self._spelled(batch, static)], dim=1)
        parts = [words]
        if "contextual" in mixed:
            parts.append(mixed["contextual"][SENTENCE][slot.mask])
        if self.options.shared_lexical_dropout:
            parts = [self.lexical_dropout(part) for part in parts]
            values = parts[0]
            x = torch.cat(parts, dim=1)
        else:
            x = self.lexical_dropout(torch.cat(parts, dim=1))
            values = self.lexical_dropout(words)
        return self.encoded(x, values, slot.lengths.tolist())

    def encoded(self, x: Tensor, values: Tensor, lengths: Sequence[int]) -> LeeTokens:
        """The tokens, from (N, D) inputs of the biLSTM and (N, V) values of the attention."""
        states = self.encoder(x, lengths)
        return self.tokens(values, states, self.attention(states).squeeze(-1))

    def tokens(self, values: Tensor, states: Tensor, attention: Tensor) -> LeeTokens:
        """The tokens, with the embeddings of the widths of all spans; see :class:`LeeTokens`."""
        widths = self.width_embedding.weight.expand(len(values), -1, -1)
        return LeeTokens(values, states, attention, self.dropout(widths))

    def _spelled(self, batch: Batch[CorefExample], like: Tensor) -> Tensor:
        """(N, C) vectors of the tokens from their characters, document by document.

        Words are padded to the longest of their document, as published; see
        :class:`~elmobench.nn.padded_char_cnn.PaddedCharCnn`.
        """
        if self.char_cnn is None:
            return like.new_zeros(len(like), 0)
        sentences = batch.slots[SENTENCE].tokens
        vectors: list[Tensor] = []
        start = 0
        for example in batch.examples:
            count = len(getattr(example, "sentences", (None,)))
            own = sentences[start : start + count]
            start += count
            tokens = [[token for sentence in own for token in sentence]]
            words, rows = self.characters.batch(tokens, len(tokens[0]))
            ids = (words - 1).clamp(min=0).to(like.device)
            vectors.append(self.char_cnn(ids)[rows[0].to(like.device)])
        return torch.cat(vectors)

    def mention_scores(self, tokens: LeeTokens, first: Tensor, last: Tensor) -> Tensor:
        """See :class:`~elmobench.tasks.coref.span_ranking.SpanRanker`."""
        width = last - first
        most = int(width.max()) + 1
        values = self.mention.project(2, tokens.values)
        by_width = attend_prefixes(tokens.attention, values, most)
        by_width = by_width + self.mention.project(3, tokens.widths[:, :most])
        total = rows_of(by_width.flatten(0, 1), first * most + width)
        total = total + rows_of(self.mention.project(0, tokens.states), first)
        total = total + rows_of(self.mention.project(1, tokens.states), last)
        return self.mention.finish(total)

    def represent(self, tokens: LeeTokens, first: Tensor, last: Tensor) -> Tensor:
        """See :class:`~elmobench.tasks.coref.span_ranking.SpanRanker`."""
        width = (last - first).clamp(max=self.width_embedding.num_embeddings - 1)
        return torch.cat(
            [
                tokens.states[first],
                tokens.states[last],
                attend_spans(tokens.attention, tokens.values, first, last),
                tokens.widths[first, width],
            ],
            dim=1,
        )

    def represented_scores(self, spans: Tensor, first: Tensor, last: Tensor) -> Tensor:
        """See :class:`~elmobench.tasks.coref.span_ranking.SpanRanker`."""
        scores: Tensor = self.mention(spans)
        return scores

    def coarse(self, spans: Tensor) -> Tensor | None:
        """See :class:`~elmobench.tasks.coref.span_ranking.SpanRanker`."""
        if self.source is None:
            return None
        scores: Tensor = self.dropout(self.source(spans)) @ self.dropout(spans).mT
        return scores

    def fine(self, spans: Tensor, pairs: Pairs) -> Tensor:
        """See :class:`~elmobench.tasks.coref.span_ranking.SpanRanker`."""
        product = spans[pairs.rows].unsqueeze(1) * rows_of(spans, pairs.antecedents)  # (R, A, G)
        total = self.pair.project(2, product)
        total = total + self.pair.project(0, spans)[pairs.rows].unsqueeze(1)
        total = total + rows_of(self.pair.project(1, spans), pairs.antecedents)
        return self.pair.finish(total + self.pair.project(3, self._features(pairs)))

    def _features(self, pairs: Pairs) -> Tensor:
        """(R, A, F) features of pairs: speaker and genre if there are any, and the distance."""
        features = []
        if self.speaker_embedding is not None:
            features.append(self.speaker_embedding(pairs.same_speaker.long()))
        if self.genre_embedding is not None:
            known = self.genre_embedding((pairs.genre - 1).clamp(min=0))
            known = known * (pairs.genre > 0).unsqueeze(1)
            features.append(known.unsqueeze(1).expand(*pairs.antecedents.shape, -1))
        buckets = distance_buckets(pairs.spans, PUBLISHED_DISTANCES)
        features.append(self.distance_embedding(buckets))
        out: Tensor = self.dropout(torch.cat(features, dim=-1))
        return out

    def refine(self, spans: Tensor, links: Links) -> Tensor:
        """See :class:`~elmobench.tasks.coref.span_ranking.SpanRanker`."""
        assert self.gate is not None
        return mixed_with_antecedents(self.gate, spans, links)
