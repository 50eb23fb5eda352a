"""Semantic roles: the arguments of one given predicate, as BIO tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from elmobench.core.errors import DataError
from elmobench.data.cards.card_numbers import SplitCounts
from elmobench.data.cards.counts import frequencies
from elmobench.data.examples import Proposition, Sentence
from elmobench.data.tag_schemes import PREDICATE_LABELS, spans, split_tag
from elmobench.tasks.annotated_text import format_tags
from elmobench.tasks.base import LabelCodec, Pipeline, TypedSpan

SENTENCE = "sentence"


class Roles(Pipeline[Proposition]):
    """Semantic role labelling: one example per predicate of a sentence.

    Propositions of the same sentence share its vectors.
    """

    name: ClassVar[str] = "srl"
    annotation_repeats_text: ClassVar[bool] = True
    readers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "conll-2005": {},
        "conll-2012-srl": {},
        "conll-2009": {},
        "propbank-ud": {},
        "jsonl": {"tokens": "tokens", "tags": "tags", "predicate": "predicate", "scheme": "bio"},
        "parquet": {"tokens": "tokens", "tags": "tags", "predicate": "predicate", "scheme": "bio"},
    }
    metrics: ClassVar[tuple[str, ...]] = ("srl-f1",)
    no_control: ClassVar[str] = (
        "roles depend on the predicate, and arguments may have several pieces: use the task with "
        "given spans (reader edges-of), where every pair of words has a random role"
    )

    def slots(self, example: Proposition) -> dict[str, list[Sentence]]:
        """The sentence."""
        return {SENTENCE: [example.tokens]}

    def labels_of(self, example: Proposition) -> tuple[str, ...]:
        """The tags."""
        return example.tags

    def count(self, examples: Sequence[Proposition]) -> SplitCounts:
        """Propositions, tokens of their sentences, and arguments by role.

        The pieces of a continued argument count one by one; the predicate's own V and C-V do not
        count.
        """
        roles = (kind for example in examples for _, _, kind in spans(example.tags))
        types = frequencies(role for role in roles if role not in PREDICATE_LABELS)
        return SplitCounts(
            examples=len(examples),
            tokens=sum(len(example.tokens) for example in examples),
            spans=sum(types.values()),
            types=types,
        )

    def codec(self, train: Sequence[Proposition], labels: Sequence[str] | None) -> LabelCodec:
        """All BIO tags over the roles in the card's tags or, without a list, in ``train``.

        Raises:
            DataError: a tag is not BIO, or there are no tags at all.
        """
        if labels is None:
            labels = sorted({tag for example in train for tag in example.tags})
            if not labels:
                raise DataError("there is no training example to take tags from")
        # Imported here, since it needs torch, which reading data does not.
        from elmobench.nn.bio import bio_tags

        return LabelCodec(
            labels=bio_tags(kind for prefix, kind in map(split_tag, labels) if prefix != "O")
        )

    def gold(self, example: Proposition) -> list[str]:
        """The tags, including the predicate's V."""
        return list(example.tags)

    def annotation_labels(self, annotation: Sequence[str]) -> list[str]:
        """The tags."""
        return list(annotation)

    def annotation_spans(self, annotation: Sequence[str]) -> list[TypedSpan]:
        """Arguments and predicate."""
        return [(role, start, end - 1) for start, end, role in spans(annotation)]

    def format_annotation(self, annotation: Any, tokens: Sequence[str] | None = None) -> str:
        """The sentence with its arguments and predicate: ``[A0 The dog] [V ate] [A1 it]``."""
        return format_tags(annotation, tokens)

    def resampling_unit(self, example: Proposition) -> str:
        """The sentence: its propositions are not independent."""
        return example.id.rpartition("#")[0] or example.id

    def from_tokens(self, tokens: Sentence) -> Proposition:
        """A proposition whose predicate is the token in brackets: ``The dog [ate] it .``

        Raises:
            DataError: not exactly one token is in brackets.
        """
        marked = [
            i
            for i, token in enumerate(tokens)
            if len(token) > 2 and token.startswith("[") and token.endswith("]")
        ]
        if len(marked) != 1:
            raise DataError(
                f"a text needs one predicate in brackets, and this one has {len(marked)}",
                where=" ".join(tokens)[:80],
                fix="put the predicate in brackets, tokens between spaces and give --tokenized: "
                "'The dog [ate] it .'",
            )
        (predicate,) = marked
        words = (*tokens[:predicate], tokens[predicate][1:-1], *tokens[predicate + 1 :])
        tags = ["O"] * len(words)
        tags[predicate] = "B-V"
        return Proposition(id="text", tokens=words, predicate=predicate, tags=tuple(tags))


PIPELINE = Roles()
