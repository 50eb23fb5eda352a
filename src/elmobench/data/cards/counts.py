"""Counting what a list of examples holds, to compare it with what a card promises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from elmobench.data.cards.card import SplitCounts
from elmobench.data.examples import (
    AmbiguousPronoun,
    ClassifiedText,
    CoreferenceDocument,
    Proposition,
    SenseSentence,
    SentencePair,
    TaggedSentence,
)
from elmobench.data.questions import PassageQuestion
from elmobench.data.tag_schemes import check_shape, spans

PREDICATE_LABELS = frozenset({"V", "C-V"})
"""Labels of the predicate itself among those of its arguments."""


def count(examples: Sequence[Any]) -> SplitCounts:
    """Sizes of ``examples``; what does not apply to their kind is None.

    Questions count the tokens of each passage once.
    Tags mark spans if every one is O or a letter of BIO or BIOUL, a dash and a type. The spans of
    propositions are their arguments, piece by piece, without the predicate's own V and C-V.
    """
    labels: Counter[str] | None = None
    types: Counter[str] | None = None
    phrases: int | None = None
    passages: dict[str, int] | None = None
    tokens = sum(len(getattr(example, "tokens", ())) for example in examples)
    clusters: list[int] | None = None
    if examples and all(isinstance(example, ClassifiedText) for example in examples):
        labels = Counter(example.label for example in examples)
        phrases = sum(len(example.phrases) for example in examples) or None
    elif examples and all(isinstance(example, TaggedSentence) for example in examples):
        tags = Counter(tag for example in examples for tag in example.tags)
        if mark_spans(tags):
            types = Counter(kind for example in examples for _, _, kind in spans(example.tags))
        else:
            labels = tags
    elif examples and all(isinstance(example, SentencePair) for example in examples):
        labels = Counter(example.label for example in examples)
    elif examples and all(isinstance(example, Proposition) for example in examples):
        found = (kind for example in examples for _, _, kind in spans(example.tags))
        types = Counter(kind for kind in found if kind not in PREDICATE_LABELS)
    elif examples and all(isinstance(example, PassageQuestion) for example in examples):
        passages = {example.passage.text: len(example.passage.tokens) for example in examples}
        tokens = sum(passages.values()) + sum(len(example.question) for example in examples)
    elif examples and all(isinstance(example, SenseSentence) for example in examples):
        types = Counter(instance.pos for example in examples for instance in example.instances)
    elif examples and all(isinstance(example, CoreferenceDocument) for example in examples):
        clusters = [len(cluster) for example in examples for cluster in example.clusters]
    elif examples and all(isinstance(example, AmbiguousPronoun) for example in examples):
        labels = Counter(example.label for example in examples)
    return SplitCounts(
        examples=len(examples),
        tokens=tokens,
        spans=None if types is None else sum(types.values()),
        phrases=phrases,
        mentions=None if clusters is None else sum(clusters),
        clusters=None if clusters is None else len(clusters),
        singletons=None if clusters is None else clusters.count(1),
        labels=None if labels is None else dict(sorted(labels.items())),
        types=None if types is None else dict(sorted(types.items())),
        passages=None if passages is None else len(passages),
    )


def mark_spans(tags: Iterable[str]) -> bool:
    """Whether these tags are span tags."""
    return all(check_shape(tag, "bioul") is None for tag in tags)


def found_labels(examples: Iterable[Any]) -> set[str]:
    """Every label or tag that occurs, phrases included."""
    found: set[str] = set()
    for example in examples:
        if isinstance(example, TaggedSentence | Proposition):
            found.update(example.tags)
        elif isinstance(example, ClassifiedText):
            found.add(example.label)
            found.update(phrase.label for phrase in example.phrases)
        elif isinstance(example, AmbiguousPronoun | SentencePair):
            found.add(example.label)
    return found


def differences(expected: SplitCounts, found: SplitCounts) -> list[str]:
    """What a card states and the data contradict: ``"tokens: the card says 5, the data have 4"``.

    Only what the card states is compared.
    """
    result = []
    for field in SplitCounts.model_fields:
        want, have = getattr(expected, field), getattr(found, field)
        if want is not None and want != have:
            result.append(f"{field}: the card says {_shown(want)}, the data have {_shown(have)}")
    return result


def _shown(value: int | dict[str, int] | None) -> str:
    if value is None:
        return "none"
    if isinstance(value, int):
        return str(value)
    return ", ".join(f"{key} {number}" for key, number in sorted(value.items()))
