"""Read the bytes of a vector file as a stream: plain, gzipped, or one member of a zip."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Final, cast

from elmobench.core.compressed import open_member
from elmobench.core.errors import ModelError
from elmobench.core.parsing import check_is_file, parsing
from elmobench.core.registry import did_you_mean

# Zip files created by the macOS file manager contain this folder with its metadata.
_MACOS_METADATA = "__MACOSX/"
_FETCH_AGAIN: Final = "fetch the file again"

LARGEST_RATIO: Final = 100
"""How many times larger than its archive a vector file may be. Published ones are 2 to 5 times as
large; gzip can announce files of a thousand times their size.
"""
_SMALL: Final = 1 << 24
"""Bytes that any archive may hold, whatever its own size."""
_BUFFER: Final = 1 << 18


@dataclass(frozen=True)
class VectorFile:
    """A file that vectors are read from; it is never unpacked to disk.

    Attributes:
        path: the file.
        state: size and mtime when the file was first examined.
        member: name inside ``path`` if that is a zip, else None.
        packed: whether ``path`` is compressed.
    """

    path: Path
    state: tuple[int, int]
    member: str | None = None
    packed: bool = False

    @property
    def name(self) -> str:
        """Path, with the member if there is one; for messages."""
        return str(self.path) if self.member is None else f"{self.path}:{self.member}"

    @property
    def most_bytes(self) -> int:
        """Upper limit of the number of unpacked bytes; more is an error."""
        size = self.state[0]
        return max(LARGEST_RATIO * size, _SMALL) if self.packed else size

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open the decompressed bytes, from the start.

        Raises:
            ModelError: the file is missing, truncated or damaged, or unpacks to more than
                :attr:`most_bytes`, which may be found only while it is read; or it has changed
                since its digest, part of the fingerprint, was computed.
        """
        with ExitStack() as stack:
            with parsing(self.name, ModelError, fix=_FETCH_AGAIN):
                if file_state(self.path) != self.state:
                    raise ModelError(
                        "the file changed while it was in use", where=self.name, fix="run again"
                    )
                source = self._source(stack)
            checked = _CheckedStream(source, self.name, self.most_bytes)
            yield stack.enter_context(io.BufferedReader(checked, _BUFFER))

    def _source(self, stack: ExitStack) -> IO[bytes]:
        if self.member is not None:
            bundle = stack.enter_context(zipfile.ZipFile(self.path))
            return stack.enter_context(open_member(bundle, self.member))
        stream: IO[bytes] = stack.enter_context(self.path.open("rb"))
        if self.packed:
            return cast(IO[bytes], stack.enter_context(gzip.GzipFile(fileobj=stream)))
        return stream


class _CheckedStream(io.RawIOBase):
    """A stream whose damage is a ModelError, and which ends with one beyond ``limit`` bytes."""

    def __init__(self, source: IO[bytes], where: str, limit: int) -> None:
        self._source = source
        self._where = where
        self._left = limit

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read some bytes into ``buffer``; return their number, 0 at the end."""
        with parsing(self._where, ModelError, fix=_FETCH_AGAIN):
            data = self._source.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise ModelError(
                f"unpacks to more than {LARGEST_RATIO} times its own size, as no file of vectors "
                "does",
                where=self._where,
                fix=_FETCH_AGAIN,
            )
        buffer[: len(data)] = data
        return len(data)


def vector_file(path: Path, member: str | None = None) -> VectorFile:
    """Return the file at ``path``, with its member if it is a zip.

    Args:
        path: a plain, gzipped or zipped file, detected by its first bytes and its name.
        member: of a zip; None if it has only one.

    Raises:
        ModelError: the file is missing or damaged; the member is missing or encrypted, must be
            chosen from several (which the message lists), or is given for a file that is not a zip.
    """
    where = str(path)
    with parsing(where, ModelError, fix=_FETCH_AGAIN):
        state = file_state(path)
        zipped = path.suffix == ".zip" or _starts_with(path, b"PK\x03\x04")
        gzipped = path.suffix == ".gz" or _starts_with(path, b"\x1f\x8b")
        members = _members(path) if zipped else {}
    if not zipped:
        if member is not None:
            raise ModelError(
                f"is not a zip archive, so it has no member {member!r}",
                where=where,
                fix="leave the option member out",
            )
        return VectorFile(path, state, packed=gzipped)
    chosen = _choose_member(members, member, where)
    if members[chosen].flag_bits & 0x1:
        raise ModelError("the member is encrypted", where=f"{where}:{chosen}")
    return VectorFile(path, state, chosen, packed=True)


def file_state(path: Path) -> tuple[int, int]:
    """Return size in bytes and mtime in nanoseconds. Raises OSError."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _starts_with(path: Path, magic: bytes) -> bool:
    check_is_file(path)
    with path.open("rb") as stream:
        return stream.read(len(magic)) == magic


def _members(path: Path) -> dict[str, zipfile.ZipInfo]:
    with zipfile.ZipFile(path) as bundle:
        return {
            info.filename: info
            for info in bundle.infolist()
            if not info.is_dir() and not info.filename.startswith(_MACOS_METADATA)
        }


def _choose_member(members: dict[str, zipfile.ZipInfo], member: str | None, where: str) -> str:
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
            raise ModelError("the archive contains no file", where=where)
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
