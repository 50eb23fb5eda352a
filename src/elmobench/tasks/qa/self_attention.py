"""BiDAF with self-attention, simplified: an affordable head for question answering."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from elmobench.data.questions import PassageQuestion
from elmobench.nn.char_cnn import CharCnn
from elmobench.nn.recurrent import BiGru
from elmobench.nn.trilinear import Trilinear, attend_to_others, attention_flow
from elmobench.nn.variational_dropout import VariationalDropout
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.characters import CharacterIds
from elmobench.tasks.head import Batch, Mixed
from elmobench.tasks.qa.base import SpanHead, SpanOptions, require_input
from elmobench.tasks.qa.pipeline import PASSAGE, QUESTION
from elmobench.tasks.qa.spelling import spelled_words


class SelfAttentionOptions(SpanOptions):
    """Options of :class:`SelfAttentionSpan`."""

    hidden: int = Field(default=90, ge=1)
    """Units of every GRU, per direction."""
    linear: int = Field(default=180, ge=1)
    """Units of the two linear layers."""
    chars: bool = True
    """Whether the features at the input are concatenated with a character CNN."""
    char_dim: int = Field(default=20, ge=1)
    """Width of a character embedding."""
    char_filters: int = Field(default=100, ge=1)
    """Number of filters of the character CNN."""
    char_width: int = Field(default=5, ge=1)
    """Width of a filter, in characters."""
    prediction: Literal["recurrent", "linear"] = "recurrent"
    """How tokens are scored: ``recurrent``, by a biGRU for the first token and one for the last
    that also reads the first's states; or ``linear``, by one layer each.
    """
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Dropout before every GRU and linear layer, with one mask for all tokens."""


class SelfAttentionSpan(SpanHead):
    """Bidirectional attention flow with self-attention.

    Its layers are: input vectors, concatenated with a character CNN; one biGRU for question and
    passage; attention flow with trilinear scores; a linear ReLU layer; self-attention of the
    passage (biGRU, trilinear scores, no token on itself, linear ReLU layer), added to its input;
    the scores. Source: Peters et al. (2018), appendix A.4, after Clark and Gardner (2018),
    section 2.2. The model that their code has, which differs in several places, is
    :class:`~elmobench.tasks.qa.document_qa.DocumentQa`.

    Features at the output are concatenated with the first biGRU's states of question and passage.
    Without features at the input, that biGRU reads only the character CNN. To keep GloVe at the
    input with ELMo at the output only, give each part its own placement.

    Raises:
        ConfigError: the input has neither features nor characters.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: SelfAttentionOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        width = input_dims.get("input", 0)
        self.characters: CharacterIds | None = None
        self.char_cnn: CharCnn | None = None
        if options.chars:
            self.characters = CharacterIds(codec.extra["characters"])
            self.char_cnn = CharCnn(
                len(self.characters), options.char_dim, options.char_filters, options.char_width
            )
            width += self.char_cnn.out_dim
        require_input(width)
        hidden, linear = options.hidden, options.linear
        self.dropout = VariationalDropout(options.dropout)
        self.encoder = BiGru(width, hidden)
        encoded = self.encoder.out_dim + input_dims.get("output", 0)
        self.attention = Trilinear(encoded)
        self.attended = nn.Linear(4 * encoded, linear)
        self.self_encoder = BiGru(linear, hidden)
        self.self_attention = Trilinear(self.self_encoder.out_dim, rows=False)
        self.self_attended = nn.Linear(3 * self.self_encoder.out_dim, linear)
        self.start_encoder: BiGru | None = None
        self.end_encoder: BiGru | None = None
        if options.prediction == "recurrent":
            self.start_encoder = BiGru(linear, hidden)
            self.end_encoder = BiGru(linear + 2 * hidden, hidden)
        scored = 2 * hidden if options.prediction == "recurrent" else linear
        self.start = nn.Linear(scored, 1, bias=False)
        self.end = nn.Linear(scored, 1, bias=False)

    def scores(self, batch: Batch[PassageQuestion], mixed: Mixed) -> tuple[Tensor, Tensor]:
        """See :meth:`SpanHead.scores`."""
        mask = batch.slots[PASSAGE].mask
        spelled = self._spelled(batch)
        question = self._encoded(QUESTION, batch, mixed, spelled)
        passage = self._encoded(PASSAGE, batch, mixed, spelled)
        pairs = self.attention(passage, question)
        question_mask = batch.slots[QUESTION].mask
        flow = attention_flow(passage, question, pairs, mask, question_mask, last="attended")
        x = torch.relu(self.attended(self.dropout(flow)))
        x = x + self._self_attended(x, mask)
        starts = ends = x
        if self.start_encoder is not None and self.end_encoder is not None:
            starts = self.start_encoder(self.dropout(x), mask)
            ends = self.end_encoder(self.dropout(torch.cat([x, starts], dim=-1)), mask)
        start, end = self.start(self.dropout(starts)), self.end(self.dropout(ends))
        return start.squeeze(-1), end.squeeze(-1)

    def _spelled(self, batch: Batch[PassageQuestion]) -> dict[str, Tensor]:
        if self.char_cnn is None or self.characters is None:
            return {}
        return spelled_words(self.characters, self.char_cnn, batch)

    def _encoded(
        self,
        slot: str,
        batch: Batch[PassageQuestion],
        mixed: Mixed,
        spelled: Mapping[str, Tensor],
    ) -> Tensor:
        vectors = [mixed["input"][slot]] if "input" in mixed else []
        vectors += [spelled[slot]] if spelled else []
        x = self.dropout(torch.cat(vectors, dim=-1))
        states: Tensor = self.encoder(x, batch.slots[slot].mask)
        if "output" in mixed:
            states = torch.cat([states, mixed["output"][slot]], dim=-1)
        return states

    def _self_attended(self, x: Tensor, mask: Tensor) -> Tensor:
        states = self.self_encoder(self.dropout(x), mask)
        context = attend_to_others(states, self.self_attention(states, states), mask)
        both = torch.cat([states, context, states * context], dim=-1)
        return torch.relu(self.self_attended(self.dropout(both)))
