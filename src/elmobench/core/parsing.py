"""The one place that turns what a parser throws into an error with file and position.

A damaged or hostile file makes parsers raise dozens of kinds of exceptions: ``zlib.error``,
``RecursionError``, ``tokenize.TokenError`` from numpy, ``SafetensorError``, pydantic's own. Readers
put their parsing into :func:`parsing`, and read JSON and gzip with the functions of this module,
which also bound depth, numbers and sizes.
"""

from __future__ import annotations

import csv
import errno
import json
import lzma
import math
import pyexpat
import stat
import struct
import sys
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import ValidationError
from safetensors import SafetensorError

from elmobench.core.errors import DataError, ElmobenchError
from elmobench.core.quoting import quoted

MAX_JSON_DEPTH = 200
"""Lists and mappings within each other; published files have less than ten."""

MAX_UNPACKED_BYTES = 1 << 29
"""Bytes that a compressed file may hold when it is read into memory as a whole."""

SYSTEM_FOLDERS = (("/", "dev"), ("/", "proc"))
"""Folders in which pipes and devices are read: the shell names its own there."""

PARSER_ERRORS: tuple[type[Exception], ...] = (
    ValueError,  # among them UnicodeError, JSONDecodeError, and integers of too many digits
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    EOFError,
    RecursionError,
    NotImplementedError,
    SyntaxError,  # numpy evaluates the header of an array
    tokenize.TokenError,
    struct.error,
    csv.Error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    pyexpat.ExpatError,
    SafetensorError,
    ValidationError,
)
"""What parsers raise for content that is not what they expect."""


@contextmanager
def parsing(
    where: str | Path,
    error: type[ElmobenchError] = DataError,
    *,
    what: str = "cannot be read",
    fix: str | None = None,
) -> Iterator[None]:
    """Turn what a parser raises inside the block into ``error``.

    Errors of this package pass unchanged; so do interrupts and faults of other kinds. Errors of
    the operating system (a file that is missing, a disk that fails) are named with their reason.

    Args:
        where: file, with line or example where they are known.
        error: the class to raise.
        what: what is wrong, in words; the parser's own message follows.
        fix: what the user can do.

    >>> with parsing("numbers.txt", what="is not a number"):
    ...     float("x")
    Traceback (most recent call last):
        ...
    elmobench.core.errors.DataError: numbers.txt: is not a number: could not convert string ...
    """
    try:
        yield
    except ElmobenchError:
        raise
    except MemoryError as raised:
        raise error(
            f"{what}: it asks for more memory than there is", where=str(where), fix=fix
        ) from raised
    except OSError as raised:
        raise error(f"{what}: {raised.strerror or raised}", where=str(where), fix=fix) from raised
    except PARSER_ERRORS as raised:
        raise error(f"{what}: {reason(raised)}", where=str(where), fix=fix) from raised


def reason(raised: Exception) -> str:
    """What a parser's exception says, in one line of at most 200 characters."""
    if isinstance(raised, RecursionError):
        return "it is nested too deeply"
    if isinstance(raised, KeyError):
        return f"{raised.args[0]!r} is missing" if raised.args else "a key is missing"
    if isinstance(raised, ValidationError):
        first = raised.errors(include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return f"{place}: {first['msg']}" if place else first["msg"]
    lines = str(raised).strip().splitlines()
    text = lines[0] if lines else type(raised).__name__
    return text if len(text) <= 200 else text[:197] + "..."


def read_bytes(
    path: Path, error: type[ElmobenchError] = DataError, *, fix: str | None = None
) -> bytes:
    """Bytes of a file. Raises ``error`` if the file cannot be read.

    A named pipe or a device is refused: reading it can wait, or go on, for ever. Those that the
    system itself names, such as ``/dev/stdin``, are read.
    """
    with parsing(path, error, fix=fix):
        check_is_file(path)
        return path.read_bytes()


def check_is_file(path: Path) -> None:
    """Raise OSError for a pipe or a device, except those of the system's folders, and for nothing.

    To be called before a file is opened: opening a named pipe can wait for ever.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or path.parts[:2] in SYSTEM_FOLDERS):
        raise OSError(errno.EINVAL, "it is not a file, but a pipe or a device", str(path))


def standard_input() -> BinaryIO:
    """The bytes of standard input. Raises DataError if the shell closed it, as by ``<&-``."""
    if sys.stdin is None:
        raise DataError(
            "is closed",
            where="standard input",
            fix="give a file, or pipe the text into the command",
        )
    return sys.stdin.buffer


def read_text(
    path: Path, error: type[ElmobenchError] = DataError, *, fix: str | None = None
) -> str:
    """Text of a UTF-8 file, without a byte-order mark; line ends stay as they are.

    Raises:
        ElmobenchError: of the class ``error``, if the file cannot be read or is not UTF-8; it
            names the line.
    """
    return decode(read_bytes(path, error, fix=fix), str(path), error, fix=fix)


def decode(
    data: bytes, where: str, error: type[ElmobenchError] = DataError, *, fix: str | None = None
) -> str:
    """``data`` as UTF-8 text without a byte-order mark; the error names the line."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as raised:
        line = raised.object.count(b"\n", 0, raised.start) + 1  # a mark holds no line end
        raise error("is not UTF-8", where=f"{where}:{line}", fix=fix) from raised


def parse_json(
    data: bytes | str,
    where: str,
    error: type[ElmobenchError] = DataError,
    *,
    fix: str | None = None,
    on_object: Callable[[list[tuple[str, Any]]], None] | None = None,
) -> Any:
    """Parse one JSON document.

    Python's parser also takes what JSON does not have: ``NaN``, ``Infinity``, and numbers beyond
    what a float can hold become infinities. Here those are errors.

    Args:
        data: the document.
        where: the file, for errors.
        error: the class to raise.
        fix: what the user can do.
        on_object: is given the keys and values of each object, also keys that are stated twice, of
            which the last one counts. It raises ValueError, or an error of this package, for an
            object that must not be.

    Raises:
        ElmobenchError: of the class ``error``, if ``data`` is not UTF-8 or not JSON, is nested
            more than :data:`MAX_JSON_DEPTH` deep, or holds a number that is not finite or has
            thousands of digits.

    >>> parse_json('{"loss": 1e999}', "log.json")
    Traceback (most recent call last):
        ...
    elmobench.core.errors.DataError: log.json: is not JSON: 1e999 is not a finite number
    """
    text = decode(data, where, error, fix=fix) if isinstance(data, bytes) else data
    try:
        value = json.loads(
            text,
            parse_float=_finite,
            parse_constant=_refused,
            object_pairs_hook=None if on_object is None else _checked_by(on_object),
        )
    except json.JSONDecodeError as raised:
        place = f"{where}:{raised.lineno}:{raised.colno}"
        raise error(f"is not JSON: {raised.msg}", where=place, fix=fix) from raised
    except (ValueError, RecursionError) as raised:
        raise error(f"is not JSON: {reason(raised)}", where=where, fix=fix) from raised
    if _depth(value) > MAX_JSON_DEPTH:
        raise error("is not JSON: it is nested too deeply", where=where, fix=fix)
    return value


def read_json(
    path: Path, error: type[ElmobenchError] = DataError, *, fix: str | None = None
) -> Any:
    """Parse a JSON file as :func:`parse_json` does; also raises ``error`` if it cannot be read."""
    return parse_json(read_bytes(path, error, fix=fix), str(path), error, fix=fix)


def parse_json_object(
    data: bytes | str,
    where: str,
    error: type[ElmobenchError] = DataError,
    *,
    fix: str | None = None,
    on_object: Callable[[list[tuple[str, Any]]], None] | None = None,
) -> dict[str, Any]:
    """Parse JSON that must be a mapping; raises ``error`` for any other value."""
    value = parse_json(data, where, error, fix=fix, on_object=on_object)
    if not isinstance(value, dict):
        raise error(f"holds a {type(value).__name__}, expected an object", where=where, fix=fix)
    return value


def read_json_object(
    path: Path, error: type[ElmobenchError] = DataError, *, fix: str | None = None
) -> dict[str, Any]:
    """Parse a JSON file that must hold a mapping; raises ``error`` for anything else."""
    return parse_json_object(read_bytes(path, error, fix=fix), str(path), error, fix=fix)


def check_distinct_keys(pairs: list[tuple[str, Any]]) -> None:
    """Raise ValueError for a key that an object has twice: Python would take the last value.

    For ``on_object`` of :func:`parse_json`, where people write the file.

    >>> parse_json('{"text": "a", "text": "b"}', "a.json", on_object=check_distinct_keys)
    Traceback (most recent call last):
        ...
    elmobench.core.errors.DataError: a.json: is not JSON: the key 'text' is given twice
    """
    keys = set()
    for key, _ in pairs:
        if key in keys:
            raise ValueError(f"the key {quoted(key)} is given twice")
        keys.add(key)


def gunzip(
    data: bytes,
    where: str,
    error: type[ElmobenchError] = DataError,
    *,
    limit: int = MAX_UNPACKED_BYTES,
    fix: str | None = None,
) -> bytes:
    """Decompress gzip data, checking its checksum, up to ``limit`` bytes.

    Raises:
        ElmobenchError: of the class ``error``, if the data is damaged, is cut short, is followed
            by something else, or holds more than ``limit`` bytes.
    """
    pieces: list[bytes] = []
    size = 0
    rest = data
    with parsing(where, error, what="is a damaged gzip file", fix=fix):
        while rest or not pieces:
            inflater = zlib.decompressobj(wbits=31)  # 31: gzip, with its checksum and length
            pieces.append(inflater.decompress(rest, limit - size + 1))
            size += len(pieces[-1])
            if size > limit:
                raise error(f"holds more than {limit:,} bytes", where=where, fix=fix)
            if not inflater.eof:
                raise EOFError("it ends early")
            rest = inflater.unused_data
    return b"".join(pieces)


def _checked_by(
    check: Callable[[list[tuple[str, Any]]], None],
) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        check(pairs)
        return dict(pairs)

    return build


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:40]} is not a finite number")
    return value


def _refused(name: str) -> float:
    raise ValueError(f"{name} is not a finite number")


def _depth(value: Any) -> int:
    """How many lists and mappings are within each other, counted up to one more than allowed."""
    depth = 0
    level = [value] if isinstance(value, dict | list) else []
    while level and depth <= MAX_JSON_DEPTH:
        depth += 1
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return depth
