"""The base class of the heads that find a question's answer in a passage."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from elmobench.core.errors import ConfigError, DataError
from elmobench.data.questions import PassageQuestion
from elmobench.nn.best_span import best_spans
from elmobench.nn.full_precision import widened
from elmobench.tasks.base import HeadOptions, LabelCodec
from elmobench.tasks.head import Batch, Head, Mixed
from elmobench.tasks.qa.pipeline import PASSAGE


class SpanOptions(HeadOptions):
    """Options of every question answering head."""

    max_answer: int | None = Field(default=17, ge=1)
    """Maximum number of tokens of a predicted answer; None for no limit."""


class SpanHead(Head[PassageQuestion]):
    """Base class of the heads that score each passage token as the answer's first or last token.

    The loss is the cross-entropy of the first token plus that of the last, each over the passage's
    tokens. A question is trained on one answer: the most frequent one, or the first of several. The
    prediction is the passage's text of the span with the largest sum of the two scores.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: SpanOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.max_answer = options.max_answer

    @abstractmethod
    def scores(self, batch: Batch[PassageQuestion], mixed: Mixed) -> tuple[Tensor, Tensor]:
        """(B, T) scores of first tokens and of last tokens; undefined at padding."""

    def loss(self, batch: Batch[PassageQuestion], mixed: Mixed) -> Tensor:
        """Mean over the questions.

        Raises:
            DataError: a question has no answer.
        """
        mask = batch.slots[PASSAGE].mask
        low = torch.finfo(torch.float32).min
        targets = batch.once("answers", lambda: torch.tensor([*map(_target, batch.examples)]))
        spans = targets.to(mask.device)
        losses = [
            # The lowest float32 is no number of half precision.
            F.cross_entropy(widened(scores).masked_fill(~mask, low), spans[:, i])
            for i, scores in enumerate(self.scores(batch, mixed))
        ]
        return torch.stack(losses).sum()

    @torch.no_grad()
    def predict(self, batch: Batch[PassageQuestion], mixed: Mixed) -> list[str]:
        """One answer per question: a substring of its passage."""
        start, end = self.scores(batch, mixed)
        spans = best_spans(start, end, batch.slots[PASSAGE].mask, self.max_answer).tolist()
        return [
            example.passage.substring(first, last)
            for example, (first, last) in zip(batch.examples, spans, strict=True)
        ]


def require_input(width: int) -> None:
    """Raise ConfigError for a head whose input, features and characters together, is empty."""
    if not width:
        raise ConfigError(
            "the head has neither features nor characters at its input",
            fix="set options.chars: true, or use placement input or both",
        )


def _target(example: PassageQuestion) -> tuple[int, int]:
    if not example.answers:
        raise DataError("a training question has no answer", where=f"example {example.id}")
    spans = Counter((answer.first, answer.last) for answer in example.answers)
    return spans.most_common(1)[0][0]
