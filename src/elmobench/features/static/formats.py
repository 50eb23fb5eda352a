"""Which of the usual forms a vector file has, found out from its first bytes."""

from __future__ import annotations

import re
import struct
from typing import Final, Literal

from elmobench.core.errors import ModelError

Kind = Literal["glove", "word2vec", "word2vec-binary", "fasttext"]
Format = Literal["auto", "glove", "word2vec", "word2vec-binary", "fasttext"]

HEAD_BYTES: Final = 1 << 16
"""What :func:`kind_of` wants to see of a file."""

FASTTEXT_MAGIC: Final = 793712314
"""First number of fastText's ``.bin``; FASTTEXT_FILEFORMAT_MAGIC_INT32 in its source."""

_HEADER = re.compile(rb"([0-9]{1,18}) ([0-9]{1,18})[ \r]*")
# Wider than any published vectors; a header that says more is no header.
_WIDEST = 100_000
_NO_NUMBERS = re.compile(rb"[^\t\r -~]")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")


def header_of(line: bytes) -> tuple[int, int] | None:
    """Rows and values a row that word2vec's first line announces; None for another line."""
    match = _HEADER.fullmatch(line)
    return (int(match[1]), int(match[2])) if match else None


def kind_of(head: bytes, format: Format, where: str) -> Kind:
    """The form of a file that begins with ``head``.

    A first line of two whole numbers is word2vec's header, unless ``format`` is ``glove``.

    Args:
        head: its first :data:`HEAD_BYTES` bytes, or all.
        format: what the user says it is.
        where: the file, for messages.

    Raises:
        ModelError: empty, of another form than ``format`` says, or of none of them.
    """
    if not head:
        raise ModelError("is empty", where=where, fix="fetch the file again")
    found = _found(head, where)
    if format in ("auto", found):
        return found
    if format == "glove" and found == "word2vec":
        return "glove"
    if format == "word2vec" and found == "glove":
        raise ModelError(
            "the first line is not word2vec's header of two numbers",
            where=f"{where}:1",
            fix="use format: glove for a file without a header",
        )
    raise ModelError(
        f"is not of the format {format!r}, but looks like {found!r}",
        where=where,
        fix=f"use format: {found}, or auto",
    )


def _found(head: bytes, where: str) -> Kind:
    if head[:4] == struct.pack("<i", FASTTEXT_MAGIC):
        return "fasttext"
    if head[0] == 0x80 and head[1:2] <= b"\x05":
        raise ModelError(
            "is a pickle (what gensim's own save() writes), which could run code when it is read",
            where=where,
            fix="write it with save_word2vec_format() or save_facebook_model()",
        )
    line, newline, rest = head.partition(b"\n")
    header = header_of(line)
    if newline and header is not None and 1 <= header[1] <= _WIDEST:
        if _is_binary(rest, header[1]):
            return "word2vec-binary"
        return "word2vec"
    if b"\0" in head:
        raise ModelError(
            "is neither text nor a binary form that is known here",
            where=where,
            fix="use GloVe's or word2vec's text, word2vec's binary form, or fastText's .bin",
        )
    return "glove" if header is None else "word2vec"


def _is_binary(rest: bytes, dim: int) -> bool:
    """Whether the first row's values are floats and not digits."""
    values = rest.partition(b" ")[2][: 4 * dim]
    # A row of digits may be shorter than that and have a word behind it, of any language.
    row = values.partition(b"\n")[0]
    return _NO_NUMBERS.search(row) is not None or _CONTROL.search(values) is not None
