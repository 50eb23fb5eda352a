"""Coreference: clusters of mentions in documents, or the name that a pronoun refers to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

from elmobench.core.errors import DataError
from elmobench.data.cards.card_numbers import SplitCounts
from elmobench.data.cards.counts import frequencies
from elmobench.data.examples import AmbiguousPronoun, CoreferenceDocument, Sentence
from elmobench.tasks.annotated_text import with_clusters
from elmobench.tasks.base import LabelCodec, Pipeline
from elmobench.tasks.codecs import characters_of

SENTENCE = "sentence"
DOCUMENTS = "documents"
PRONOUNS = "pronouns"
CorefExample: TypeAlias = CoreferenceDocument | AmbiguousPronoun


class Coref(Pipeline[CorefExample]):
    """Documents with clusters of mentions, or pronouns with two given names (GAP).

    Both kinds are one pipeline, because the same span rankers serve both. In GAP the mentions are
    given and only the pronoun is resolved. The two kinds differ in their annotations and metrics
    (``coref``, ``gap``). A data set has examples of one kind only.
    """

    name: ClassVar[str] = "coref"
    annotation_repeats_text: ClassVar[bool] = True
    readers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "conll-coref": {"speaker": 9, "genre": True},
        "gap": {},
    }
    metrics: ClassVar[tuple[str, ...]] = ("coref", "gap")
    no_control: ClassVar[str] = (
        "a cluster is a set of places, not a label; pairs of mentions as edges (reader edges-of) "
        "have control labels"
    )

    def slots(self, example: CorefExample) -> dict[str, list[Sentence]]:
        """The sentences of a document, or the text around a pronoun as one sequence."""
        return {SENTENCE: _sentences(example)}

    def labels_of(self, example: CorefExample) -> list[str]:
        """A pronoun's label; documents have none."""
        return [example.label] if isinstance(example, AmbiguousPronoun) else []

    def count(self, examples: Sequence[CorefExample]) -> SplitCounts:
        """Documents, tokens, mentions, clusters and singletons; or pronouns, tokens and labels."""
        sizes = super().count(examples)
        if examples and isinstance(examples[0], AmbiguousPronoun):
            labels = frequencies(label for example in examples for label in self.labels_of(example))
            return sizes.model_copy(update={"labels": labels})
        clusters = [
            len(cluster)
            for example in examples
            if isinstance(example, CoreferenceDocument)
            for cluster in example.clusters
        ]
        return sizes.model_copy(
            update={
                "mentions": sum(clusters),
                "clusters": len(clusters),
                "singletons": clusters.count(1),
            }
        )

    def codec(self, train: Sequence[CorefExample], labels: Sequence[str] | None) -> LabelCodec:
        """The kind of examples, their characters and genres, and what is annotated.

        That is whether there are singletons and speakers.

        Raises:
            DataError: ``train`` is empty or has examples of both kinds.
        """
        kinds = {type(example) for example in train}
        if kinds not in ({CoreferenceDocument}, {AmbiguousPronoun}):
            raise DataError(
                "expected either coreference documents or ambiguous pronouns, got: "
                + (", ".join(sorted(kind.__name__ for kind in kinds)) or "no example"),
            )
        singletons = any(
            len(cluster) == 1
            for example in train
            if isinstance(example, CoreferenceDocument)
            for cluster in example.clusters
        )
        return LabelCodec(
            labels=list(labels or ()),
            extra={
                "kind": DOCUMENTS if kinds == {CoreferenceDocument} else PRONOUNS,
                "singletons": singletons,
                "characters": characters_of(s for example in train for s in _sentences(example)),
                "speakers": any(_speakers(example) is not None for example in train),
                "genres": sorted({genre for example in train if (genre := _genre(example))}),
            },
        )

    def gold(self, example: CorefExample) -> Any:
        """A document's clusters as lists; a pronoun's label and gender."""
        if isinstance(example, AmbiguousPronoun):
            return {"label": example.label, "gender": example.gender}
        return [[list(mention) for mention in cluster] for cluster in example.clusters]

    def format_annotation(self, annotation: Any, tokens: Sequence[str] | None = None) -> str:
        """Numbered mentions in brackets, ``[1 Ann] saw [1 her]``; for a pronoun its label."""
        if isinstance(annotation, dict):
            return " ".join(str(value) for value in annotation.values())
        return " ".join(with_clusters(tokens, annotation)) if tokens else str(annotation)

    def from_tokens(self, tokens: Sentence) -> CorefExample:
        """A document of one sentence, without clusters."""
        return CoreferenceDocument("text", (tokens,), ())


def _sentences(example: CorefExample) -> list[Sentence]:
    if isinstance(example, AmbiguousPronoun):
        return [example.tokens]
    return list(example.sentences)


def _speakers(example: CorefExample) -> tuple[str, ...] | None:
    return example.speakers if isinstance(example, CoreferenceDocument) else None


def _genre(example: CorefExample) -> str | None:
    return example.genre if isinstance(example, CoreferenceDocument) else None


PIPELINE = Coref()
