"""Natural language inference: what a premise says of a hypothesis (SNLI, and pairs like it)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from elmobench.core.errors import DataError
from elmobench.data.examples import Sentence, SentencePair
from elmobench.data.readers.tokenizers import TOKENIZERS
from elmobench.tasks.base import (
    SEPARATOR,
    HeadPreset,
    LabelCodec,
    MixDefaults,
    Pipeline,
    TrainingOptions,
)
from elmobench.tasks.labels import label_codec
from elmobench.tasks.nli.heads import (
    HYPOTHESIS,
    PREMISE,
    Esim,
    EsimOptions,
    LinearPair,
    LinearPairOptions,
)


class Nli(Pipeline[SentencePair]):
    """Two sentences, one label. Each sentence is encoded alone."""

    name: ClassVar[str] = "nli"
    readers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "pair-table": {
            "premise": "premise",
            "hypothesis": "hypothesis",
            "label": "label",
            "delimiter": "tab",
            "tokenizer": "words",
        },
        "pair-jsonl": {},
        "pair-lines": {"tokenizer": "spaces"},
    }
    metrics: ClassVar[tuple[str, ...]] = ("accuracy", "macro-f1")
    text_form: ClassVar[str] = f"premise {SEPARATOR} hypothesis"

    def units(self, example: SentencePair) -> dict[str, list[Sentence]]:
        """Premise and hypothesis."""
        return {PREMISE: [example.premise], HYPOTHESIS: [example.hypothesis]}

    def codec(self, train: Sequence[SentencePair], labels: Sequence[str] | None) -> LabelCodec:
        """The card's labels in its order, else those found, sorted; see :func:`label_codec`."""
        return label_codec(train, labels)

    def gold(self, example: SentencePair) -> str:
        """The label."""
        return example.label

    def from_tokens(self, tokens: Sentence) -> SentencePair:
        """The tokens of a premise, ``|||``, the tokens of a hypothesis."""
        return self.from_text(" ".join(tokens), tokenized=True)

    def from_text(self, text: str, *, tokenized: bool = False) -> SentencePair:
        """``premise ||| hypothesis``.

        Raises:
            DataError: there is no premise, no hypothesis, or more than one separator.
        """
        parts = text.split(SEPARATOR)
        if len(parts) != 2 or not all(part.strip() for part in parts):
            raise DataError(
                "two sentences are needed",
                where=text[:80] or "an empty text",
                fix=f"write '{self.text_form}', for example "
                f"'A man sleeps. {SEPARATOR} Nobody is awake.'",
            )
        tokenize = TOKENIZERS["spaces" if tokenized else "words"]
        premise, hypothesis = (tuple(tokenize(part)) for part in parts)
        return SentencePair("text", premise, hypothesis, label="")


PIPELINE = Nli()

LINEAR = HeadPreset(
    head=LinearPair,
    options=LinearPairOptions(),
    training=TrainingOptions(
        batch_size=64,
        epochs=15,
        patience=3,
        grid={"training.lr": [1e-4, 1e-3, 1e-2], "options.dropout": [0.0, 0.3]},
    ),
    mix=MixDefaults(standardize=True),
    version=1,
)

SMALL = HeadPreset(
    head=Esim,
    options=EsimOptions(hidden=100, feedforward=100, dropout=0.3),
    training=TrainingOptions(batch_size=32, epochs=12, patience=3),
    mix=MixDefaults(),
    version=1,
    placements=("input", "output"),
)

PAPER = HeadPreset(
    head=Esim,
    options=EsimOptions(),
    training=TrainingOptions(
        lr=4e-4, batch_size=32, epochs=75, patience=5, clip_norm=10.0, plateau_factor=0.5
    ),
    # The better λ of the paper's table 2.
    mix=MixDefaults(l2=0.001),
    version=1,
    placements=("input", "output"),
)
