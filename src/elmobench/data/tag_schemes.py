"""Span tags: which sequences a scheme allows, and where spans begin and end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Literal

from elmobench.core.errors import DataError

Scheme = Literal["bio", "bioul", "iob1", "none"]

PREDICATE_LABELS = frozenset({"V", "C-V"})
"""Span types of a proposition that mark its predicate; all others are arguments."""

_PREFIXES = {"bio": "BI", "iob1": "BI", "bioul": "BIUL"}


@lru_cache(maxsize=4096)
def split_tag(tag: str) -> tuple[str, str]:
    """``"B-PER"`` as ``("B", "PER")``, ``"O"`` as ``("O", "")``; types may hold dashes.

    Raises:
        DataError: for anything but O, or B, I, L or U with a dash and a type.
    """
    problem = check_shape(tag, "bioul")
    if problem is not None:
        raise DataError(f"{tag!r} is not a span tag", fix="use O, or B-, I- (L-, U-) and a type")
    prefix, _, kind = tag.partition("-")
    return prefix, kind


def check_shape(tag: str, scheme: Scheme) -> str | None:
    """What is wrong with ``tag`` by itself in ``scheme``, or None."""
    if scheme == "none" or tag == "O":
        return None
    prefix, _, kind = tag.partition("-")
    if len(prefix) == 1 and prefix in _PREFIXES[scheme] and kind:
        return None
    return f"{tag!r} is not a {scheme.upper()} tag"


def are_span_tags(tags: Iterable[str]) -> bool:
    """Whether every tag is O, or a letter of BIO or BIOUL with a dash and a type."""
    return all(check_shape(tag, "bioul") is None for tag in tags)


def violation(tags: Sequence[str], scheme: Scheme) -> tuple[int, str] | None:
    """Position and description of the first tag that may not follow the one before it.

    BIO: I-X only inside a span of X. IOB1: B-X only right after a span of X. BIOUL: spans are
    U, or B, any I, L. The position is ``len(tags)`` if a BIOUL span is not closed.
    """
    if scheme == "none":
        return None
    before, kind_before = "O", ""
    for i, tag in enumerate(tags):
        prefix, kind = split_tag(tag)
        inside = before in ("B", "I") and kind_before == kind
        if scheme == "bio" and prefix == "I" and not inside:
            return i, f"{tag} does not follow B-{kind} or I-{kind}"
        if scheme == "iob1" and prefix == "B" and not inside:
            return i, f"{tag} does not follow a span of {kind}"
        if scheme == "bioul":
            if prefix in ("I", "L") and not inside:
                return i, f"{tag} does not follow B-{kind} or I-{kind}"
            if prefix not in ("I", "L") and before in ("B", "I"):
                return i, f"{tag} follows {before}-{kind_before}, which is not closed"
        before, kind_before = prefix, kind
    if scheme == "bioul" and before in ("B", "I"):
        return len(tags), f"the sentence ends after {before}-{kind_before}, which is not closed"
    return None


def spans(tags: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Spans (start, end, type) of BIO, IOB1 or BIOUL tags, read as conlleval does.

    A span starts at B or U, and at I or L after O, after another type or after a closed span.
    """
    start, open_kind = 0, ""
    for i, tag in enumerate(tags):
        prefix, kind = split_tag(tag)
        continues = prefix in ("I", "L") and open_kind == kind
        if open_kind and not continues:
            yield start, i, open_kind
            open_kind = ""
        if prefix != "O" and not continues:
            start, open_kind = i, kind
        if open_kind and prefix in ("U", "L"):
            yield start, i + 1, open_kind
            open_kind = ""
    if open_kind:
        yield start, len(tags), open_kind


def to_bio(tags: Sequence[str]) -> tuple[str, ...]:
    """The same spans as BIO tags."""
    result = ["O"] * len(tags)
    for start, end, kind in spans(tags):
        result[start] = f"B-{kind}"
        result[start + 1 : end] = [f"I-{kind}"] * (end - start - 1)
    return tuple(result)
