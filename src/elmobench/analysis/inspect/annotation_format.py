"""Annotations as people read them: spans in brackets, words with their tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from elmobench.data.cards.counts import mark_spans


def phrase(annotation: Any, tokens: Sequence[str] | None = None) -> str:
    """A gold annotation or a prediction in one line.

    Args:
        annotation: of any pipeline, as metrics read it.
        tokens: what it annotates; without them tags and mentions are shown by their places.

    Returns:
        ``[PER Alan Turing] worked``, ``works/VERB hard/ADV``, ``[1 Ann] saw [1 her]``, a label,
        an answer.
    """
    if annotation is None:
        return "no answer"
    if isinstance(annotation, dict):
        return " ".join(str(value) for value in annotation.values())
    if not isinstance(annotation, list):
        return str(annotation)
    if annotation and all(isinstance(item, dict) for item in annotation):
        return "; ".join(f"{row['id']}: {' '.join(row['senses']) or '–'}" for row in annotation)
    if is_clusters(annotation):
        return " ".join(linked(tokens, annotation)) if tokens else str(annotation)
    if tokens and len(tokens) == len(annotation):
        return " ".join(tagged(tokens, annotation))
    return ", ".join(dict.fromkeys(map(str, annotation)))


def is_clusters(annotation: Any) -> bool:
    """Whether an annotation is a list of clusters of [first, last]; none of them too."""
    return isinstance(annotation, list) and all(isinstance(item, list) for item in annotation)


def linked(tokens: Sequence[str], clusters: Sequence[Sequence[Sequence[int]]]) -> list[str]:
    """Mentions in brackets with the number of their cluster: ``[1 Ann] saw [1 her] [2 dog]``."""
    mentions = [(span, i) for i, cluster in enumerate(clusters, start=1) for span in cluster]
    words: list[str] = []
    for place, token in enumerate(tokens):
        # Of mentions that begin together the longest opens first.
        opens = sorted(((a - b, i) for (a, b), i in mentions if a == place))
        closes = sum(b == place for (_, b), _ in mentions)
        words.append("".join(f"[{i} " for _, i in opens) + token + "]" * closes)
    return words


def tagged(tokens: Sequence[str], tags: Sequence[str]) -> list[str]:
    """Spans in brackets: ``[PER Alan Turing] worked at …``; other tags as ``worked/VERB``."""
    if not mark_spans(tags):
        return [f"{token}/{tag}" for token, tag in zip(tokens, tags, strict=True)]
    words: list[str] = []
    for i, (token, tag) in enumerate(zip(tokens, tags, strict=True)):
        prefix, _, kind = tag.partition("-")
        start = f"[{kind} " if prefix == "B" else ""
        following = tags[i + 1] if i + 1 < len(tags) else "O"
        end = "]" if prefix in ("B", "I") and not following.startswith("I-") else ""
        words.append(f"{start}{token}{end}")
    return words
