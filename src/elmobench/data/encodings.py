"""Encodings of text files other than UTF-8, which a card states at a source."""

from __future__ import annotations

import codecs
from typing import Annotated

from pydantic import AfterValidator

from elmobench.core.errors import DataError

SUGGESTED = ("latin-1", "cp1252", "utf-16")
_OF_NO_FILE = ("idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined")


def _known(name: str) -> str:
    """Python's name of an encoding. Raises ValueError for one that is unknown or not of texts."""
    try:
        # An encoding of bytes, such as base64 or zlib, is refused here.
        "".encode(name)
        canonical = codecs.lookup(name).name
    except (LookupError, ValueError) as error:
        raise ValueError(
            f"there is no encoding {name[:40]!r}; usual ones are {', '.join(SUGGESTED)}"
        ) from error
    if canonical.replace("-", "_") in _OF_NO_FILE:
        raise ValueError(f"{name!r} is no encoding of text files")
    return canonical


Encoding = Annotated[str, AfterValidator(_known)]
"""The name of a text encoding; two names of one encoding (``latin1``, ``latin-1``) are equal."""


def as_utf8(data: bytes, encoding: str, where: str) -> bytes:
    r"""``data``, which is in ``encoding``, in UTF-8; line ends and all characters stay.

    >>> as_utf8(b"caf\xe9\n", "latin-1", "a.txt").decode()
    'café\n'

    Raises:
        DataError: at ``where`` and a line, if ``data`` is not in that encoding, or is XML.
    """
    if data.startswith(b"<?xml"):
        raise DataError(
            "an XML file states its encoding itself",
            where=where,
            fix="leave 'encoding' out of the card",
        )
    try:
        return data.decode(encoding).encode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"is not {encoding}: {error.reason} at byte {error.start + 1}",
            where=f"{where}:{line}",
            fix="correct 'encoding' in the card",
        ) from error
    except UnicodeEncodeError as error:  # half of a character, which UTF-8 cannot write
        raise DataError(
            f"is not {encoding}: it has half of a character", where=where, fix="correct 'encoding'"
        ) from error
