"""Span tags: which sequences a scheme allows, and where spans begin and end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import BeforeValidator

from elmobench.core.errors import DataError
from elmobench.core.quoting import quoted, shortened

Scheme = Literal["bio", "iob1", "bioul", "bioes", "bmewo", "io", "none"]
SCHEME_SYNONYMS = {"iob2": "bio", "bilou": "bioul", "iobes": "bioes"}
"""Other names of the schemes."""


def scheme_name(value: object) -> object:
    """The name of a scheme for what a card states: another name, or one in capitals.

    >>> scheme_name("IOB2"), scheme_name("BIO"), scheme_name(3)
    ('bio', 'bio', 3)
    """
    if not isinstance(value, str):
        return value
    return SCHEME_SYNONYMS.get(value.lower(), value.lower())


StatedScheme = Annotated[Scheme, BeforeValidator(scheme_name)]
"""A scheme as a card may state it."""


PREDICATE_LABELS = frozenset({"V", "C-V"})
"""Span types of a proposition that mark its predicate; all others are arguments."""

_PREFIXES: dict[Scheme, str] = {
    "bio": "BI",
    "iob1": "BI",
    "bioul": "BIUL",
    "bioes": "BIES",
    "bmewo": "BMEW",
}
_CLOSED: tuple[Scheme, ...] = ("bioul", "bioes", "bmewo")
"""Schemes whose spans end at a tag of their own, or have one token and a tag of their own."""
_INNER, _LAST, _SINGLE = ("I", "M"), ("L", "E"), ("U", "S", "W")
_OPEN = ("B", *_INNER)
"""Letters after which a span of a closed scheme must go on."""


@lru_cache(maxsize=4096)
def split_tag(tag: str) -> tuple[str, str]:
    """``"B-PER"`` as ``("B", "PER")``, ``"O"`` as ``("O", "")``; types may hold dashes.

    Raises:
        DataError: for anything but O, or B, I, L, U, E, S, M or W with a dash and a type.
    """
    if all(check_shape(tag, scheme) is not None for scheme in _CLOSED):
        raise DataError(
            f"{quoted(tag)} is not a span tag",
            fix="use O, or B-, I- (L-, U-, E-, S-, M-, W-) and a type",
        )
    prefix, _, kind = tag.partition("-")
    return prefix, kind


def check_shape(tag: str, scheme: Scheme) -> str | None:
    """What is wrong with ``tag`` by itself in ``scheme``, or None."""
    if scheme in ("io", "none") or tag == "O":
        return None
    prefix, _, kind = tag.partition("-")
    if len(prefix) == 1 and prefix in _PREFIXES[scheme] and kind:
        return None
    return f"{quoted(tag)} is not a {scheme.upper()} tag"


def are_span_tags(tags: Iterable[str]) -> bool:
    """Whether every tag is O, or a letter of BIO or BIOUL with a dash and a type."""
    return all(check_shape(tag, "bioul") is None for tag in tags)


def violation(tags: Sequence[str], scheme: Scheme) -> tuple[int, str] | None:
    """Position and description of the first tag that may not follow the one before it.

    BIO: I-X only inside a span of X. IOB1: B-X only right after a span of X. BIOUL: spans are
    U, or B, any I, L; BIOES is the same with S and E, BMEWO with W, M and E. The position is
    ``len(tags)`` if such a span is not closed.
    """
    if scheme == "none":
        return None
    closed = scheme in _CLOSED
    middle = "M" if scheme == "bmewo" else "I"
    before, kind_before = "O", ""
    for i, tag in enumerate(tags):
        prefix, kind = split_tag(tag)
        if prefix != "O" and prefix not in _PREFIXES[scheme]:
            return i, f"{shortened(tag)} is not a {scheme.upper()} tag"
        inside = before in _OPEN and kind_before == kind
        if scheme == "bio" and prefix == "I" and not inside:
            of = shortened(kind)
            return i, f"{shortened(tag)} does not follow B-{of} or I-{of}"
        if scheme == "iob1" and prefix == "B" and not inside:
            return i, f"{shortened(tag)} does not follow a span of {shortened(kind)}"
        if closed:
            inner = prefix in (*_INNER, *_LAST)
            if inner and not inside:
                of = shortened(kind)
                return i, f"{shortened(tag)} does not follow B-{of} or {middle}-{of}"
            if not inner and before in _OPEN:
                opened = f"{before}-{shortened(kind_before)}"
                return i, f"{shortened(tag)} follows {opened}, which is not closed"
        before, kind_before = prefix, kind
    if closed and before in _OPEN:
        opened = f"{before}-{shortened(kind_before)}"
        return len(tags), f"the sentence ends after {opened}, which is not closed"
    return None


def spans(tags: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Spans (start, end, type) of tags in any scheme, BIO and IOB1 read as conlleval does.

    A span starts at B, U, S or W, and at I, M, L or E after O, after another type or
    after a closed span.
    """
    start, open_kind = 0, ""
    for i, tag in enumerate(tags):
        prefix, kind = split_tag(tag)
        continues = prefix in (*_INNER, *_LAST) and open_kind == kind
        if open_kind and not continues:
            yield start, i, open_kind
            open_kind = ""
        if prefix != "O" and not continues:
            start, open_kind = i, kind
        if open_kind and prefix in (*_SINGLE, *_LAST):
            yield start, i + 1, open_kind
            open_kind = ""
    if open_kind:
        yield start, len(tags), open_kind


def from_io(tags: Sequence[str]) -> tuple[str, ...]:
    """Bare types as IOB1 tags: neighbours of one type are one span.

    >>> from_io(["O", "person", "person", "art-film"])
    ('O', 'I-person', 'I-person', 'I-art-film')
    """
    return tuple(tag if tag == "O" else f"I-{tag}" for tag in tags)


def to_bio(tags: Sequence[str]) -> tuple[str, ...]:
    """The same spans as BIO tags."""
    result = ["O"] * len(tags)
    for start, end, kind in spans(tags):
        result[start] = f"B-{kind}"
        result[start + 1 : end] = [f"I-{kind}"] * (end - start - 1)
    return tuple(result)


def detected_scheme(sentences: Iterable[Sequence[str]]) -> Scheme | None:
    """The first scheme in which all these tags are legal, or None; BIO before the others.

    >>> from elmobench.data.tag_schemes import detected_scheme
    >>> detected_scheme([["I-PER", "I-PER", "O"], ["I-LOC", "B-LOC"]])
    'iob1'
    """
    candidates = list(_PREFIXES)
    for tags in sentences:
        candidates = [scheme for scheme in candidates if _legal(tags, scheme)]
    return candidates[0] if candidates else None


def _legal(tags: Sequence[str], scheme: Scheme) -> bool:
    if any(check_shape(tag, scheme) is not None for tag in tags):
        return False
    return violation(tags, scheme) is None
