"""Tags as readers check and convert them, whatever the format of the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from elmobench.core.errors import DataError
from elmobench.data.readers.column_rows import check_tag
from elmobench.data.tag_schemes import Scheme, check_shape, from_io, to_bio, violation

Advice = Callable[[], str | None]
"""What to state if all tags of the file are legal in another scheme; None otherwise."""


def check_tag_of(tag: str, scheme: Scheme, where: str, advice: Advice) -> None:
    """Check a tag by itself.

    Raises:
        DataError: at ``where``, for white space or invisible characters, or another form than the
            scheme's.
    """
    check_tag(tag, where, "correct the file, or map the tag")
    problem = check_shape(tag, scheme)
    if problem is not None:
        raise DataError(
            problem,
            where=where,
            fix=advice() or "state another 'scheme' or 'tag' column, or map the tag",
        )


def legal_tags(
    tags: Sequence[str],
    scheme: Scheme,
    *,
    keep_illegal: bool,
    convert: bool,
    dropped: Counter[str],
    place: Callable[[int], str],
    advice: Advice,
    keep_fix: str,
) -> Sequence[str]:
    """The tags of a sentence, checked against the scheme and converted to BIO if wanted.

    Args:
        tags: tags that passed :func:`check_tag_of`.
        scheme: their scheme.
        keep_illegal: whether a BIO span may begin with I-; such sentences are counted.
        convert: whether to write the same spans as BIO.
        dropped: counts sentences with an illegal I- that is kept.
        place: where the tag of this index is; an index beyond the last one is the sentence's end.
        advice: see :data:`Advice`.
        keep_fix: what to state in the card for BIO spans that begin with I-.

    Raises:
        DataError: a tag may not follow the one before it, or the tags are not BIO and are not to
            be converted.
    """
    stated = scheme
    if scheme == "io":
        tags, scheme = from_io(tags), "iob1"
    illegal = violation(tags, scheme)
    if illegal is not None and scheme == "bio" and keep_illegal:
        dropped["sentences with an illegal I- kept"] += 1
    elif illegal is not None:
        position, problem = illegal
        raise DataError(
            problem,
            where=place(position),
            fix=advice() or (keep_fix if scheme == "bio" else "check the stated 'scheme'"),
            # Dropping is no advice where the whole file is in another scheme.
            kind="illegal-tags" if advice() is None else None,
        )
    elif not convert and scheme not in ("bio", "none"):
        other = violation(tags, "bio")
        if other is not None:
            position, problem = other
            raise DataError(
                f"{problem}: legal {stated.upper()}, but heads take BIO",
                where=place(position),
                fix=f"add 'convert: bio' next to 'scheme: {stated}' in the card",
            )
    return to_bio(tags) if convert else tags


def scheme_advice(found: Scheme | None, stated: Scheme, convert: str = "") -> str | None:
    """What to state in the card if the tags of a file are all legal in the scheme ``found``.

    Args:
        found: None if there is no such scheme.
        stated: the scheme that the card states.
        convert: what to state as well for another scheme than BIO.
    """
    if found is None or found == stated:
        return None
    options = f"state 'scheme: {found}'" + ("" if found == "bio" else convert)
    return f"all tags of this file are {found.upper()}: {options} in the card"
