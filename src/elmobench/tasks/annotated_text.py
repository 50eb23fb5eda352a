"""Annotated tokens as text: spans in brackets, tags after a slash, clusters by number."""

from __future__ import annotations

from collections.abc import Sequence

from elmobench.data.tag_schemes import are_span_tags


def with_tags(tokens: Sequence[str], tags: Sequence[str]) -> list[str]:
    """Each token with its tag; spans of BIO tags are put in brackets.

    >>> " ".join(with_tags(["Alan", "Turing", "worked"], ["B-PER", "I-PER", "O"]))
    '[PER Alan Turing] worked'
    >>> " ".join(with_tags(["works", "hard"], ["VERB", "ADV"]))
    'works/VERB hard/ADV'
    """
    if not are_span_tags(tags):
        return [f"{token}/{tag}" for token, tag in zip(tokens, tags, strict=True)]
    words: list[str] = []
    for i, (token, tag) in enumerate(zip(tokens, tags, strict=True)):
        prefix, _, kind = tag.partition("-")
        start = f"[{kind} " if prefix == "B" else ""
        following = tags[i + 1] if i + 1 < len(tags) else "O"
        end = "]" if prefix in ("B", "I") and not following.startswith("I-") else ""
        words.append(f"{start}{token}{end}")
    return words


def format_tags(tags: Sequence[str], tokens: Sequence[str] | None) -> str:
    """Tagged tokens as one line, or without as many tokens the distinct tags.

    >>> format_tags(["NOUN", "VERB"], ["dogs", "run"])
    'dogs/NOUN run/VERB'
    >>> format_tags(["NOUN", "VERB", "NOUN"], None)
    'NOUN, VERB'
    """
    if tokens and len(tokens) == len(tags):
        return " ".join(with_tags(tokens, tags))
    return ", ".join(dict.fromkeys(tags))


def with_clusters(tokens: Sequence[str], clusters: Sequence[Sequence[Sequence[int]]]) -> list[str]:
    """Each token; mentions, ``[first, last]``, are in brackets with their cluster's number.

    >>> " ".join(with_clusters(["Ann", "saw", "her", "dog"], [[[0, 0], [2, 2]], [[2, 3]]]))
    '[1 Ann] saw [2 [1 her] dog]'
    """
    mentions = [(span, i) for i, cluster in enumerate(clusters, start=1) for span in cluster]
    words: list[str] = []
    for place, token in enumerate(tokens):
        # Of mentions that begin at the same token the longest one opens first.
        opens = sorted(((a - b, i) for (a, b), i in mentions if a == place))
        closes = sum(b == place for (_, b), _ in mentions)
        words.append("".join(f"[{i} " for _, i in opens) + token + "]" * closes)
    return words
