"""Detect the format of a vector file from its first bytes."""

from __future__ import annotations

import re
import struct
from typing import Final, Literal

from elmobench.core.errors import ModelError

Kind = Literal["glove", "word2vec", "word2vec-binary", "fasttext"]
Format = Literal["auto", "glove", "word2vec", "word2vec-binary", "fasttext"]

HEAD_BYTES: Final = 1 << 16
"""Number of bytes from the start of a file that :func:`kind_of` needs."""

FASTTEXT_MAGIC: Final = 793712314
"""First number of fastText's ``.bin``; FASTTEXT_FILEFORMAT_MAGIC_INT32 in its source."""

MARK: Final = b"\xef\xbb\xbf"
"""UTF-8's byte-order mark. Some editors write it; it is not part of the first word."""

WIDEST: Final = 100_000
"""Largest number of values per vector, wider than any published vectors."""

_HEADER = re.compile(rb"([0-9]{1,18})[ \t]+([0-9]{1,18})[ \t\r]*")
_NO_NUMBERS = re.compile(rb"[^\t\r -~]")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")

# First bytes of files that people name in place of vectors, and what to do with them.
_OTHER_FILES: Final = (
    (b"\xff\xfe", "is text in UTF-16", "convert it to UTF-8"),
    (b"\xfe\xff", "is text in UTF-16", "convert it to UTF-8"),
    (b"\xfd7zXZ\0", "is compressed by xz", "unpack it, or compress it with gzip"),
    (b"BZh9", "is compressed by bzip2", "unpack it, or compress it with gzip"),
    (b"\x28\xb5\x2f\xfd", "is compressed by zstandard", "unpack it, or compress it with gzip"),
    (b"\x1f\x8b", "is a gzip file within a gzip file", "unpack it once"),
    (b"PK\x03\x04", "is a zip archive within an archive", "unpack it once"),
    (b"\x93NUMPY", "is an array of numpy, which has no words", "write a text file of both"),
    (b"\x89HDF\r\n", "is an HDF5 file", "for ELMo's weights use elmo:folder"),
    (b"version https://git-lfs", "is a reference to a file in Git LFS", "fetch the file itself"),
)


def header_of(line: bytes) -> tuple[int, int] | None:
    """Return rows and values per row from word2vec's first line; None for any other line."""
    match = _HEADER.fullmatch(line)
    return (int(match[1]), int(match[2])) if match else None


def kind_of(head: bytes, format: Format, where: str) -> Kind:
    """Return the format of a file that begins with ``head``.

    A first line of two integers is word2vec's header, unless ``format`` is ``glove``.

    Args:
        head: its first :data:`HEAD_BYTES` bytes, or all.
        format: as given by the user.
        where: the file, for messages.

    Raises:
        ModelError: the file is empty, has another format than ``format``, or an unknown format.
    """
    head = head.removeprefix(MARK)
    if not head:
        raise ModelError("is empty", where=where, fix="fetch the file again")
    detected = _detected(head, where)
    if format in ("auto", detected):
        return detected
    if format == "glove" and detected == "word2vec":
        return "glove"
    if format == "word2vec" and detected == "glove":
        raise ModelError(
            "the first line is not word2vec's header of two numbers",
            where=f"{where}:1",
            fix="use format: glove for a file without a header",
        )
    raise ModelError(
        f"does not have the format {format!r}, but looks like {detected!r}",
        where=where,
        fix=f"use format: {detected}, or auto",
    )


def _detected(head: bytes, where: str) -> Kind:
    if head[:4] == struct.pack("<i", FASTTEXT_MAGIC):
        return "fasttext"
    if head[0] == 0x80 and head[1:2] <= b"\x05":
        raise ModelError(
            "is a pickle (as written by gensim's save()), which could run code when it is read",
            where=where,
            fix="write it with save_word2vec_format() or save_facebook_model()",
        )
    for start, what, fix in _OTHER_FILES:
        if head.startswith(start):
            raise ModelError(what, where=where, fix=fix)
    line, newline, rest = head.partition(b"\n")
    header = header_of(line)
    if newline and header is not None and 1 <= header[1] <= WIDEST:
        if _is_binary(rest, header[1]):
            return "word2vec-binary"
        return "word2vec"
    if b"\0" in head:
        raise ModelError(
            "is neither text nor a known binary format",
            where=where,
            fix="use GloVe or word2vec text, word2vec's binary format, or fastText's .bin",
        )
    return "glove" if header is None else "word2vec"


def _is_binary(rest: bytes, dim: int) -> bool:
    """Whether the values of the first row are binary floats and not digits."""
    values = rest.partition(b" ")[2][: 4 * dim]
    # A row of digits can be shorter than that and be followed by a word in any language.
    row = values.partition(b"\n")[0]
    return _NO_NUMBERS.search(row) is not None or _CONTROL.search(values) is not None
