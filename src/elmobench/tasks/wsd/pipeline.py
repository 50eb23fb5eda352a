"""Word sense disambiguation: the sense of annotated words in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from elmobench.core.errors import ConfigError, DataError
from elmobench.data.examples import SenseSentence, Sentence
from elmobench.tasks.base import HeadPreset, LabelCodec, MixDefaults, Pipeline, TrainingOptions
from elmobench.tasks.wsd.heads import (
    UNIT,
    LinearSenses,
    LinearSensesOptions,
    LstmSenses,
    LstmSensesOptions,
    MostFrequentOptions,
    MostFrequentSense,
    NearestNeighbour,
    NearestNeighbourOptions,
    lemma_key,
)


class WsdPipeline(Pipeline[SenseSentence]):
    """Sentences whose words, or units of several words, have a sense each."""

    name: ClassVar[str] = "wsd"
    readers: ClassVar[Mapping[str, Mapping[str, Any]]] = {"wsd": {"format": "raganato"}}
    metrics: ClassVar[tuple[str, ...]] = ("wsd-f1",)

    def units(self, example: SenseSentence) -> dict[str, list[Sentence]]:
        """The sentence."""
        return {UNIT: [example.tokens]}

    def codec(self, train: Sequence[SenseSentence], labels: Sequence[str] | None) -> LabelCodec:
        """The sense keys of ``train`` in the order in which they occur, whatever ``labels``.

        ``extra["senses"]``: their indices by ``lemma%pos``.

        Raises:
            DataError: if there is no instance, or a key belongs to two lemmas.
        """
        index: dict[str, int] = {}
        owner: dict[str, str] = {}
        senses: dict[str, list[int]] = {}
        for example in train:
            for instance in example.instances:
                lemma = lemma_key(instance)
                for key in instance.senses:
                    if key not in index:
                        index[key] = len(index)
                        owner[key] = lemma
                        senses.setdefault(lemma, []).append(index[key])
                    elif owner[key] != lemma:
                        raise DataError(
                            f"sense {key!r} stands with {lemma} and with {owner[key]}",
                            where=f"instance {instance.id}",
                        )
        if not index:
            raise DataError("there is no training instance to take senses from")
        return LabelCodec(labels=list(index), extra={"senses": senses})

    def gold(self, example: SenseSentence) -> list[dict[str, Any]]:
        """The instances with their senses; see :class:`~elmobench.metrics.senses.WsdF1`."""
        return [
            {
                "id": instance.id,
                "dataset": example.dataset,
                "pos": instance.pos,
                "senses": list(instance.senses),
            }
            for instance in example.instances
        ]

    def from_tokens(self, tokens: Sentence) -> SenseSentence:
        """Always an error: tokens do not say which words are meant, nor their lemmas.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(
            "a WSD head needs the lemma, part of speech and candidate senses of each word, which "
            "plain text does not give",
            fix="give the text a card of pipeline wsd, with its words annotated, as test set "
            "(`elmobench show wsd` tells what its reader takes)",
        )


PIPELINE = WsdPipeline()

LINEAR = HeadPreset(
    head=LinearSenses,
    options=LinearSensesOptions(),
    training=TrainingOptions(
        batch_size=64,
        epochs=10,
        patience=3,
        grid={"training.lr": [1e-3, 1e-2], "options.dropout": [0.0, 0.3]},
    ),
    mix=MixDefaults(standardize=True),
    version=1,
)

SMALL = HeadPreset(
    head=LstmSenses,
    options=LstmSensesOptions(dropout=0.3),
    training=TrainingOptions(batch_size=64, epochs=10, patience=3),
    mix=MixDefaults(),
    version=1,
)

# One pass over the training set: of the options only the batch size says anything.
_ONE_PASS = TrainingOptions(batch_size=64, epochs=1, patience=1)

PAPER = HeadPreset(
    head=NearestNeighbour,
    options=NearestNeighbourOptions(),
    training=_ONE_PASS,
    mix=MixDefaults(),
    version=1,
)

MOST_FREQUENT = HeadPreset(
    head=MostFrequentSense,
    options=MostFrequentOptions(),
    training=_ONE_PASS,
    mix=MixDefaults(),
    version=1,
)
