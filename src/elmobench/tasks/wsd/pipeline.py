"""Word sense disambiguation: the sense of annotated words in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from elmobench.core.errors import ConfigError, DataError
from elmobench.data.cards.card_numbers import SplitCounts
from elmobench.data.cards.counts import frequencies
from elmobench.data.examples import SenseInstance, SenseSentence, Sentence
from elmobench.tasks.base import LabelCodec, Pipeline

SENTENCE = "sentence"


def lemma_key(instance: SenseInstance) -> str:
    """``lemma%pos``: how the codec names a lemma with its part of speech."""
    return f"{instance.lemma}%{instance.pos}"


class WsdPipeline(Pipeline[SenseSentence]):
    """Sentences in which words, or multiword spans, are annotated with their senses."""

    name: ClassVar[str] = "wsd"
    readers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "wsd": {"format": "raganato"},
        "coarse-wsd": {},
    }
    metrics: ClassVar[tuple[str, ...]] = ("wsd-f1",)
    no_control: ClassVar[str] = (
        "a head chooses among the senses that a lemma has in train: with one random sense for each "
        "lemma there would be no choice, and every head would be right"
    )

    def slots(self, example: SenseSentence) -> dict[str, list[Sentence]]:
        """The sentence."""
        return {SENTENCE: [example.tokens]}

    def count(self, examples: Sequence[SenseSentence]) -> SplitCounts:
        """Sentences, tokens, and annotated words or multiword spans by part of speech."""
        types = frequencies(instance.pos for example in examples for instance in example.instances)
        return SplitCounts(
            examples=len(examples),
            tokens=sum(len(example.tokens) for example in examples),
            spans=sum(types.values()),
            types=types,
        )

    def codec(self, train: Sequence[SenseSentence], labels: Sequence[str] | None) -> LabelCodec:
        """The sense keys of ``train`` in order of first occurrence; ``labels`` is not used.

        ``extra["senses"]`` maps ``lemma%pos`` to the indices of the lemma's keys.

        Raises:
            DataError: there is no instance, or a key occurs with two lemmas.
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
                            f"sense {key!r} occurs with the lemmas {lemma} and {owner[key]}",
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

    def format_annotation(self, annotation: Any, tokens: Sequence[str] | None = None) -> str:
        """The senses of each instance: ``d000.s000.t000: art%1:06:00::; …``, – for none."""
        return "; ".join(f"{row['id']}: {' '.join(row['senses']) or '–'}" for row in annotation)

    def from_tokens(self, tokens: Sentence) -> SenseSentence:
        """Raise an error: plain text does not say which words are meant, nor their lemmas.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(
            "a WSD head needs the lemma, part of speech and candidate senses of each word, which "
            "plain text does not give",
            fix="write a card of pipeline wsd whose test set is the text with its words annotated "
            "(`elmobench show wsd` describes its reader's format)",
        )


PIPELINE = WsdPipeline()
