"""The published tagger: character CNN, biLSTM, CRF."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from elmobench.data.examples import (
    TaggedSentence,
)
from elmobench.nn.char_cnn import CharCnn
from elmobench.nn.initialization import Initialization, init_embedding, init_transitions
from elmobench.nn.recurrent import BiLstm
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.characters import CharacterIds
from elmobench.tasks.head import Batch, Mixed
from elmobench.tasks.tagging.base import CrfHead, CrfOptions
from elmobench.tasks.tagging.pipeline import SENTENCE


class LstmTaggerOptions(CrfOptions):
    """Options of :class:`LstmTagger`; the defaults are the published sizes."""

    layers: int = Field(default=2, ge=1)
    """Number of biLSTM layers."""
    hidden: int = Field(default=200, ge=1)
    """Units per layer and direction."""
    chars: bool = True
    """Whether the features are concatenated with a character CNN."""
    char_dim: int = Field(default=16, ge=1)
    """Width of a character embedding."""
    char_filters: int = Field(default=128, ge=1)
    """Number of filters of the character CNN."""
    char_width: int = Field(default=3, ge=1)
    """Width of a filter, in characters."""
    dropout: float = Field(default=0.5, ge=0, lt=1)
    """Dropout on the token vectors, between the biLSTM's layers and on its output."""
    initialization: Initialization = "torch"
    """With ``allennlp``, transition scores and character embeddings start as in AllenNLP; all other
    parameters start as torch draws them, as they do there.
    """


class LstmTagger(CrfHead):
    """The published tagger: features and a character CNN, biLSTM, linear layer, CRF."""

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
        if options.initialization == "allennlp":
            init_transitions(self.crf.transitions)
            if self.char_cnn is not None:
                init_embedding(self.char_cnn.embedding)

    def emissions(self, batch: Batch[TaggedSentence], mixed: Mixed) -> Tensor:
        """(B, T, K) scores of the K labels."""
        x = mixed["input"][SENTENCE]
        slot = batch.slots[SENTENCE]
        if self.char_cnn is not None and self.characters is not None:
            words, rows = self.characters.batch(slot.tokens, x.shape[1])
            spelled = self.char_cnn(words.to(x.device))
            # At padding this is an arbitrary word's vector, which the encoder never reads.
            x = torch.cat([x, spelled[rows.to(x.device)]], dim=-1)
        encoded = self.encoder(self.dropout(x), slot.mask)
        out: Tensor = self.output(self.dropout(encoded))
        return out
