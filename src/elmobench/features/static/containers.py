"""The bytes of a vector file: plain, gzipped, or one member of a zip; always streamed."""

from __future__ import annotations

import gzip
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from elmobench.core.errors import ModelError
from elmobench.core.registry import did_you_mean

_DAMAGE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, lzma.LZMAError, NotImplementedError)
# Archives made by one system's file manager carry its notes in this folder.
_NOTES = "__MACOSX/"


@dataclass(frozen=True)
class VectorFile:
    """Where vectors are read from; nothing is ever unpacked to disk.

    Attributes:
        path: the file.
        state: size and time of change when it was first looked at.
        member: name inside ``path`` if that is a zip, else None.
    """

    path: Path
    state: tuple[int, int]
    member: str | None = None

    @property
    def name(self) -> str:
        """For messages: path, and member where there is one."""
        return str(self.path) if self.member is None else f"{self.path}:{self.member}"

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The unpacked bytes, from the start.

        Raises:
            ModelError: absent, cut short or damaged, also while it is read; or another file
                than was first looked at, whose digest the fingerprint has.
        """
        try:
            if file_state(self.path) != self.state:
                raise ModelError(
                    "the file changed while it was in use", where=self.name, fix="run again"
                )
            with ExitStack() as stack:
                yield self._stream(stack)
        except _DAMAGE as error:
            raise ModelError(
                f"cannot be read: {error}", where=self.name, fix="fetch the file again"
            ) from error

    def _stream(self, stack: ExitStack) -> IO[bytes]:
        if self.member is not None:
            bundle = stack.enter_context(zipfile.ZipFile(self.path))
            return stack.enter_context(bundle.open(self.member))
        stream: IO[bytes] = stack.enter_context(self.path.open("rb"))
        if self.path.suffix == ".gz" or _starts_with(self.path, b"\x1f\x8b"):
            return cast(IO[bytes], stack.enter_context(gzip.GzipFile(fileobj=stream)))
        return stream


def vector_file(path: Path, member: str | None = None) -> VectorFile:
    """The file at ``path``, with its member resolved if it is a zip.

    Args:
        path: plain, gzipped or zipped; found out from its first bytes and its name.
        member: of a zip; None for the only one.

    Raises:
        ModelError: absent or damaged; no such member, or several to choose from (names them);
            a member that is encrypted, or of a file that is no zip.
    """
    where = str(path)
    try:
        state = file_state(path)
        zipped = path.suffix == ".zip" or _starts_with(path, b"PK\x03\x04")
        members = _members(path) if zipped else {}
    except (*_DAMAGE, struct.error, ValueError) as error:
        raise ModelError(
            f"cannot be read: {error}", where=where, fix="fetch the file again"
        ) from error
    if not zipped:
        if member is not None:
            raise ModelError(
                f"is no zip archive, so it has no member {member!r}",
                where=where,
                fix="leave the option member out",
            )
        return VectorFile(path, state)
    chosen = _chosen(members, member, where)
    if members[chosen].flag_bits & 0x1:
        raise ModelError("the member is encrypted", where=f"{where}:{chosen}")
    return VectorFile(path, state, chosen)


def file_state(path: Path) -> tuple[int, int]:
    """Size in bytes and time of change in nanoseconds. Raises OSError."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _starts_with(path: Path, magic: bytes) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(magic)) == magic


def _members(path: Path) -> dict[str, zipfile.ZipInfo]:
    with zipfile.ZipFile(path) as bundle:
        return {
            info.filename: info
            for info in bundle.infolist()
            if not info.is_dir() and not info.filename.startswith(_NOTES)
        }


def _chosen(members: dict[str, zipfile.ZipInfo], member: str | None, where: str) -> str:
    listed = ", ".join(sorted(members)[:20])
    if member is None:
        if len(members) == 1:
            (member,) = members
        elif members:
            raise ModelError(
                f"the archive has {len(members)} members: {listed}",
                where=where,
                fix="choose one: options: {member: …}, in a models: mapping",
            )
        else:
            raise ModelError("the archive has no file in it", where=where)
    pure = PurePosixPath(member)
    if pure.is_absolute() or ".." in pure.parts or "\\" in member:
        raise ModelError("a member's name cannot leave its archive", where=f"{where}:{member}")
    if member not in members:
        raise ModelError(
            f"the archive has no member {member!r}; it has {listed or 'no file'}",
            where=where,
            fix=did_you_mean(member, sorted(members)[:100]),
        )
    return member
