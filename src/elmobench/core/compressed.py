"""Files compressed by gzip, bzip2 or xz, unpacked in memory up to a limit; members of zips."""

from __future__ import annotations

import bz2
import lzma
import zipfile
from pathlib import PurePath
from typing import IO, Any

from elmobench.core.errors import DataError
from elmobench.core.parsing import MAX_UNPACKED_BYTES, gunzip, parsing

SUFFIXES = (".gz", ".bz2", ".xz")
"""Ends of the names of compressed files."""

_XZ_MEMORY = 1 << 28  # a file can ask for gigabytes of memory


def plain_name(name: str) -> str:
    """``name`` without the end that says how the file is compressed.

    >>> plain_name("train.csv.gz"), plain_name("train.csv")
    ('train.csv', 'train.csv')
    """
    suffix = PurePath(name).suffix
    return name.removesuffix(suffix) if suffix in SUFFIXES else name


def unpacked(data: bytes, name: str, limit: int = MAX_UNPACKED_BYTES) -> bytes:
    """The content of a file; ``data`` itself unless the end of ``name`` says it is compressed.

    Args:
        data: the bytes of the file.
        name: its name, also in errors.
        limit: the largest number of bytes that it may hold.

    Raises:
        DataError: it is damaged, is cut short, or holds more than ``limit`` bytes.
    """
    suffix = PurePath(name).suffix
    if suffix == ".gz":
        return gunzip(data, name, limit=limit)
    if suffix not in SUFFIXES:
        return data
    pieces: list[bytes] = []
    size, rest = 0, data
    with parsing(name, what=f"is a damaged {suffix} file"):
        while rest or not pieces:
            stream: Any = (
                bz2.BZ2Decompressor()
                if suffix == ".bz2"
                else lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
            )
            pieces.append(stream.decompress(rest, limit - size + 1))
            size += len(pieces[-1])
            if size > limit:
                raise DataError(f"holds more than {limit:,} bytes", where=name)
            if not stream.eof:
                raise EOFError("it ends early")
            rest = stream.unused_data
    return b"".join(pieces)


def open_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo | str) -> IO[bytes]:
    """The stream of a member of a zip archive, to be opened inside of ``with parsing``.

    Raises:
        KeyError: there is no such member.
        zipfile.BadZipFile: it is encrypted, for which ``zipfile`` itself raises RuntimeError as a
            fault of a program would.
    """
    info = archive.getinfo(member) if isinstance(member, str) else member
    if info.flag_bits & 0x1:
        raise zipfile.BadZipFile(f"the member {info.filename!r:.80} is encrypted")
    return archive.open(info)
