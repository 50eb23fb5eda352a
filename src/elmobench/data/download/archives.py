"""Reading one file out of a zip archive, in memory: nothing is ever extracted to disk."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath

from elmobench.core.compressed import open_member
from elmobench.core.errors import DataError
from elmobench.core.parsing import parsing
from elmobench.core.registry import did_you_mean

MEMBER_LIMIT = 1 << 30
"""Largest unpacked member, in bytes: far more than any supported data set, less than a zip bomb."""


def read_member(archive: Path, member: str, where: str, limit: int = MEMBER_LIMIT) -> bytes:
    """Read the bytes of ``member``.

    Args:
        archive: the zip file.
        member: its exact name inside.
        where: the archive's name in errors.
        limit: largest accepted number of bytes.

    Raises:
        DataError: not a zip archive, no such member, damaged, encrypted or too large.
    """
    place = f"{where}:{member}"
    pure = PurePosixPath(member)
    if pure.is_absolute() or ".." in pure.parts or "\\" in member:
        raise DataError("a member's name cannot leave its archive", where=place)
    with parsing(place, what="cannot be unpacked"), zipfile.ZipFile(archive) as bundle:
        try:
            info = bundle.getinfo(member)
        except KeyError:
            names = [name for name in bundle.namelist() if not name.endswith("/")]
            raise DataError(
                "the archive has no such member",
                where=place,
                fix=did_you_mean(member, names[:100]),
            ) from None
        if info.file_size > limit:
            raise DataError(f"unpacks to {info.file_size} bytes, limit {limit}", where=place)
        with open_member(bundle, info) as stream:
            # The stated size may be false, so the read itself is bounded too.
            data = stream.read(limit + 1)
    if len(data) > limit:
        raise DataError(f"unpacks to more than {limit} bytes", where=place)
    return data
