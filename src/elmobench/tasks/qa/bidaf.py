"""BiDAF, the head for question answering of AllenNLP's configurations."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from elmobench.data.questions import PassageQuestion
from elmobench.nn.char_cnn import CharCnn
from elmobench.nn.highway import Highway
from elmobench.nn.initialization import init_embedding
from elmobench.nn.pooling import masked_softmax
from elmobench.nn.recurrent import BiLstm
from elmobench.nn.trilinear import Trilinear, attention_flow
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.characters import ByteIds
from elmobench.tasks.head import Batch, Mixed
from elmobench.tasks.qa.base import SpanHead, SpanOptions, require_input
from elmobench.tasks.qa.pipeline import PASSAGE, QUESTION
from elmobench.tasks.qa.spelling import spelled_words


class BidafOptions(SpanOptions):
    """Options of :class:`Bidaf`; the defaults are the published sizes."""

    max_answer: int | None = Field(default=None, ge=1)
    """Maximum number of tokens of a predicted answer; None for no limit."""
    hidden: int = Field(default=100, ge=1)
    """Units of every LSTM, per direction."""
    highways: int = Field(default=2, ge=0)
    """Number of highway layers on the input."""
    chars: bool = True
    """Whether the features at the input are concatenated with a CNN over the words' bytes."""
    char_dim: int = Field(default=16, ge=1)
    """Width of a byte's embedding."""
    char_filters: int = Field(default=100, ge=1)
    """Number of filters of the CNN."""
    char_width: int = Field(default=5, ge=1)
    """Width of a filter, in bytes."""
    char_dropout: float = Field(default=0.2, ge=0, lt=1)
    """Dropout on the output of the CNN."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Dropout after every LSTM, between the layers of the modelling LSTM, and before the scores."""


class Bidaf(SpanHead):
    """Bidirectional attention flow.

    Its layers are: input vectors, concatenated with a CNN over bytes; highway layers; one biLSTM
    for question and passage (the phrase layer); attention flow with trilinear scores; a biLSTM of
    two layers (the modelling layer); and a score of each token as the first, from flow and
    modelling layer. The last token's score is computed from the flow and another biLSTM. It reads
    the flow, the modelling layer, and the mean of the modelling layer weighted by the probability
    of being first.

    Sources: Seo et al. (2017); ``BidirectionalAttentionFlow`` of allennlp-models 2.10.1 and its
    configurations training_config/rc/bidaf.jsonnet and bidaf_elmo.jsonnet. Held weight for weight
    against that class. The published model has no features at the output; here, features at the
    output are concatenated with the states of the phrase layer.

    Raises:
        ConfigError: the input has neither features nor characters.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: BidafOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        width = input_dims.get("input", 0)
        self.bytes = ByteIds()
        self.char_cnn: CharCnn | None = None
        if options.chars:
            self.char_cnn = CharCnn(
                len(self.bytes),
                options.char_dim,
                options.char_filters,
                options.char_width,
                short_words="zero",
            )
            width += self.char_cnn.out_dim
        require_input(width)
        hidden, dropout = options.hidden, options.dropout
        self.char_dropout = nn.Dropout(options.char_dropout)
        self.dropout = nn.Dropout(dropout)
        self.highway = Highway(width, options.highways)
        self.phrase = BiLstm(width, hidden)
        encoded = self.phrase.out_dim + input_dims.get("output", 0)
        flow, modelled = 4 * encoded, 2 * hidden
        # The biases of attention and scores cancel in every softmax; the published model has them.
        self.attention = Trilinear(encoded, bias=True)
        self.modelling = BiLstm(flow, hidden, layers=2, dropout=dropout)
        self.end_encoder = BiLstm(flow + 3 * modelled, hidden)
        self.start = nn.Linear(flow + modelled, 1)
        self.end = nn.Linear(flow + 2 * hidden, 1)
        if self.char_cnn is not None:
            init_embedding(self.char_cnn.embedding)

    def scores(self, batch: Batch[PassageQuestion], mixed: Mixed) -> tuple[Tensor, Tensor]:
        """See :meth:`SpanHead.scores`."""
        mask = batch.slots[PASSAGE].mask
        spelled = (
            spelled_words(self.bytes, self.char_cnn, batch) if self.char_cnn is not None else {}
        )
        question = self._phrases(QUESTION, batch, mixed, spelled)
        passage = self._phrases(PASSAGE, batch, mixed, spelled)
        pairs = self.attention(passage, question)
        question_mask = batch.slots[QUESTION].mask
        flow = attention_flow(passage, question, pairs, mask, question_mask, last="states")
        modelled = self.dropout(self.modelling(flow, mask))
        start = self.start(self.dropout(torch.cat([flow, modelled], dim=-1))).squeeze(-1)
        first = (masked_softmax(start, mask).unsqueeze(1) @ modelled).expand_as(modelled)
        x = torch.cat([flow, modelled, first, modelled * first], dim=-1)
        ends = self.dropout(self.end_encoder(x, mask))
        end = self.end(self.dropout(torch.cat([flow, ends], dim=-1))).squeeze(-1)
        return start, end

    def _phrases(
        self,
        slot: str,
        batch: Batch[PassageQuestion],
        mixed: Mixed,
        spelled: Mapping[str, Tensor],
    ) -> Tensor:
        """(B, T, D) states of the phrase layer, with the features at the output."""
        vectors = [mixed["input"][slot]] if "input" in mixed else []
        vectors += [self.char_dropout(spelled[slot])] if spelled else []
        x = self.highway(torch.cat(vectors, dim=-1))
        states: Tensor = self.dropout(self.phrase(x, batch.slots[slot].mask))
        if "output" in mixed:
            states = torch.cat([states, mixed["output"][slot]], dim=-1)
        return states
