"""The model of document-qa, the ELMo paper's head for question answering."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from elmobench.data.questions import PassageQuestion
from elmobench.nn.glorot import glorot_uniform_
from elmobench.nn.padded_char_cnn import FixedLengthCharCnn
from elmobench.nn.recurrent import BiGru
from elmobench.nn.trilinear import Trilinear, attend_to_others, attention_flow
from elmobench.nn.variational_dropout import VariationalDropout
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.characters import CharacterIds
from elmobench.tasks.head import Batch, Mixed
from elmobench.tasks.qa.base import SpanHead, SpanOptions, require_input
from elmobench.tasks.qa.pipeline import PASSAGE, QUESTION
from elmobench.tasks.qa.spelling import spelled_words


class DocumentQaOptions(SpanOptions):
    """Options of :class:`DocumentQa`; the defaults are the published sizes."""

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
    char_dropout: float = Field(default=0.2, ge=0, lt=1)
    """Dropout on the character embeddings, of single values."""
    min_char_count: int = Field(default=49, ge=1)
    """Number of occurrences in the training set below which a character counts as unknown."""
    word_length: int = Field(default=14, ge=1)
    """Number of characters after which a word is cut."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Dropout before and after the first two GRUs and before the scores' GRUs, with one mask for
    all tokens.
    """


class DocumentQa(SpanHead):
    """Bidirectional attention flow with self-attention, as in document-qa.

    Its layers are: input vectors, concatenated with a character CNN; one biGRU for question and
    passage; attention flow with trilinear scores; a linear ReLU layer; self-attention of the
    passage (biGRU, trilinear scores, no token on itself, linear ReLU layer), added to its input; a
    biGRU whose states score each token as the first, and one that also reads those states and
    scores each token as the last. Self-attention may attend to nothing: a learned score of no
    alignment takes part in its softmax.

    Source: document-qa, docqa/elmo/ablate_elmo_model.py, docqa/elmo/lm_qa_models.py and docqa/nn,
    which is the code of Peters et al. (2018), appendix A.4, and Clark and Gardner (2018). Where the
    code and the papers differ, this is the code.

    Features at the output are concatenated with the first biGRU's states of question and passage,
    after its dropout. Without features at the input, that biGRU reads only the character CNN. To
    keep GloVe at the input with ELMo at the output only, give each part its own placement.

    The average of the weights (0.999) starts at the initial weights, as TensorFlow's does. It needs
    some thousand steps, so switch it off (``training.average: null``) on a small set.

    Raises:
        ConfigError: the input has neither features nor characters.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: DocumentQaOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        width = input_dims.get("input", 0)
        self.characters: CharacterIds | None = None
        self.char_cnn: FixedLengthCharCnn | None = None
        if options.chars:
            frequent = _frequent_characters(codec, options.min_char_count)
            self.characters = CharacterIds(frequent, options.word_length)
            self.char_cnn = FixedLengthCharCnn(
                len(self.characters),
                options.char_dim,
                options.char_filters,
                options.char_width,
                max(options.word_length, options.char_width),
                options.char_dropout,
            )
            width += self.char_cnn.out_dim
        require_input(width)
        hidden, linear = options.hidden, options.linear
        self.dropout = VariationalDropout(options.dropout)
        self.encoder = BiGru(width, hidden)
        encoded = self.encoder.out_dim + input_dims.get("output", 0)
        # A bias would cancel in both softmaxes. In self-attention it does not, nor does the term
        # of the rows, because the score of no alignment lacks them.
        self.attention = Trilinear(encoded)
        self.attended = nn.Linear(4 * encoded, linear)
        self.self_encoder = BiGru(linear, hidden)
        self.self_attention = Trilinear(self.self_encoder.out_dim, bias=True)
        self.no_alignment = nn.Parameter(torch.tensor(-1.0))
        self.self_attended = nn.Linear(3 * self.self_encoder.out_dim, linear)
        self.start_encoder = BiGru(linear, hidden)
        self.end_encoder = BiGru(linear + 2 * hidden, hidden)
        self.start = nn.Linear(2 * hidden, 1, bias=False)
        self.end = nn.Linear(2 * hidden, 1, bias=False)
        self._initialise()

    @torch.no_grad()
    def _initialise(self) -> None:
        """Draw the weights as document-qa does, with TensorFlow 1.3's rules for fans."""
        for module in self.modules():
            if isinstance(module, nn.GRU):
                for name, parameter in module.named_parameters():
                    if name.startswith("bias"):
                        nn.init.zeros_(parameter)
                    else:
                        nn.init.trunc_normal_(parameter, std=0.05, a=-0.1, b=0.1)
            elif isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, Trilinear):
                glorot_uniform_(module)
        if self.char_cnn is not None:
            nn.init.uniform_(self.char_cnn.embedding.weight, -0.05, 0.05)
            self.char_cnn.embedding.weight[0] = 0.0
            glorot_uniform_(self.char_cnn.convolution)

    def scores(self, batch: Batch[PassageQuestion], mixed: Mixed) -> tuple[Tensor, Tensor]:
        """See :meth:`SpanHead.scores`."""
        mask = batch.slots[PASSAGE].mask
        spelled = self._spelled(batch)
        question = self._encoded(QUESTION, batch, mixed, spelled)
        passage = self._encoded(PASSAGE, batch, mixed, spelled)
        pairs = self.attention(passage, question)
        question_mask = batch.slots[QUESTION].mask
        flow = attention_flow(passage, question, pairs, mask, question_mask, last="states")
        x = torch.relu(self.attended(flow))
        x = self.dropout(x + self._self_attended(x, mask))
        starts = self.start_encoder(x, mask)
        ends = self.end_encoder(torch.cat([x, starts], dim=-1), mask)
        return self.start(starts).squeeze(-1), self.end(ends).squeeze(-1)

    def _spelled(self, batch: Batch[PassageQuestion]) -> dict[str, Tensor]:
        if self.char_cnn is None or self.characters is None:
            return {}
        each = self.training and self.char_cnn.dropout.p > 0
        return spelled_words(self.characters, self.char_cnn, batch, each_occurrence=each)

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
        states: Tensor = self.dropout(self.encoder(x, batch.slots[slot].mask))
        if "output" in mixed:
            states = torch.cat([states, mixed["output"][slot]], dim=-1)
        return states

    def _self_attended(self, x: Tensor, mask: Tensor) -> Tensor:
        states = self.dropout(self.self_encoder(self.dropout(x), mask))
        scores = self.self_attention(states, states)
        context = attend_to_others(states, scores, mask, self.no_alignment)
        return torch.relu(self.self_attended(torch.cat([context, states, context * states], -1)))


def _frequent_characters(codec: LabelCodec, least: int) -> str:
    """The characters of the training set that occur at least ``least`` times."""
    counts = zip(codec.extra["characters"], codec.extra["character_counts"], strict=True)
    return "".join(char for char, count in counts if count >= least)
