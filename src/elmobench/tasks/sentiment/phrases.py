"""Training on the labelled phrases of a treebank in addition to its sentences."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from elmobench.data.examples import ClassifiedText
from elmobench.tasks.base import HeadOptions

_SCALE = 2**64


class PhraseOptions(HeadOptions):
    """Options of all sentiment heads: which phrases they train on."""

    phrases: Literal["none", "all"] = "none"
    """``all`` adds every labelled phrase as a text of its own; ``none`` trains on sentences only.
    Without effect on data that have no phrases.
    """
    phrase_min_tokens: int = Field(default=1, ge=1)
    """Smallest number of tokens of a phrase; shorter phrases are left out."""
    phrase_fraction: float = Field(default=1.0, ge=0, le=1)
    """Fraction of the phrases to keep, chosen by a hash of their ids. Every run keeps the same
    phrases, and a smaller fraction is a subset of a larger one.
    """

    def training_data(self) -> dict[str, Any]:
        """The options that :func:`with_phrases` reads."""
        return self.model_dump(include=set(PhraseOptions.model_fields))


def _kept(phrase_id: str, fraction: float) -> bool:
    digest = hashlib.blake2b(phrase_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") < fraction * _SCALE


def with_phrases(
    examples: Sequence[ClassifiedText], options: PhraseOptions
) -> list[ClassifiedText]:
    """Return all sentences, each followed by the labelled phrases that ``options`` choose.

    A phrase has the id ``id:start-end``, with positions of tokens.

    The phrase that is the whole sentence is not repeated.
    """
    if options.phrases == "none":
        return list(examples)
    texts = []
    for example in examples:
        texts.append(example)
        whole = (0, len(example.tokens))
        for phrase in example.phrases:
            if (phrase.start, phrase.end) == whole:
                continue
            if phrase.end - phrase.start < options.phrase_min_tokens:
                continue
            name = f"{example.id}:{phrase.start}-{phrase.end}"
            if _kept(name, options.phrase_fraction):
                tokens = example.tokens[phrase.start : phrase.end]
                texts.append(ClassifiedText(id=name, tokens=tokens, label=phrase.label))
    return texts
