"""Changes of a file: damage as disks and transfers do it, and hostile or careless content.

Every mutation is drawn from a ``random.Random``, so that a seed repeats it.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import json
import lzma
import random
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml
from tests.fuzz.formats import known_mutations, zip_of

_LARGE_SHARE = 0.1
"""Of the mutations that know a format, those that take seconds to read."""

WORDS: tuple[bytes, ...] = (
    b"[" * 100_000,
    b'{"a":' * 20_000,
    b"- " * 5_000,
    b"(" * 50_000,
    b"9" * 5_000,
    b"-1",
    b"1e999",
    b"NaN",
    b"-Infinity",
    b"18446744073709551617",
    b"null",
    b"true",
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xc2\xa0",
    b"\xe2\x80\xa8",
    b"\xc2\x85",
    b"\\ud800",
    b"\xed\xa0\x80",
    b"\t",
    b"\r",
    b"\r\n\r\n",
    b" ",
    b"a " * 50_000,
    b"a" * 200_000,
    b"&a [*a, *a]",
    b"*a",
    b"<<: *a",
    b"!!python/object:os.system x",
    b"<!DOCTYPE a [<!ENTITY b 'bb'>]>",
    b"&b;",
    b'"',
    b"'",
    b"#",
    b"../../../etc/passwd",
    b"{{ x }}",
    b"{% for i in range(10**9) %}x{% endfor %}",
)
"""Content that readers of some format stumble over."""

_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    0.5,
    2**63,
    10**400,
    1e308,
    "",
    " ",
    "x",
    "é\u2028 ",
    "\ud800",
    "a" * 100_000,
    "../..",
    [],
    {},
    [[]],
    {"a": 1},
    [1, "a", None],
)


@dataclass(frozen=True)
class Mutated:
    """A mutated file.

    Attributes:
        data: its bytes.
        what: the name of the mutation.
        is_damage: whether it is what a disk or a transfer does, which files that the project wrote
            must notice; a rewritten value or a packed file packed again is somebody's own edit.
        must_be_refused: whether it is beyond a limit, or lacks what every reader asks for, so that
            it must be noticed whoever wrote the file, even if what is read is right.
    """

    data: bytes
    what: str
    is_damage: bool
    must_be_refused: bool = False


def mutate_known(data: bytes, name: str, draw: random.Random, *, ours: bool) -> Mutated | None:
    """Return a mutation that knows the format of ``data``; None if there is none for it.

    Args:
        data: the content of the file ``name``.
        name: of the file.
        draw: the source of chance.
        ours: whether the project wrote the file.
    """
    known = known_mutations(data, name, ours=ours)
    is_large = draw.random() < _LARGE_SHARE
    small = {what: mutation for what, mutation in known.items() if not mutation.is_large}
    large = {what: mutation for what, mutation in known.items() if mutation.is_large}
    chosen = large if large and is_large else small
    if not chosen:
        return None
    what = draw.choice(sorted(chosen))
    changed = chosen[what].change(data, draw)
    return Mutated(changed, what, True, chosen[what].must_be_refused)


def mutate(data: bytes, name: str, words: tuple[bytes, ...], draw: random.Random) -> Mutated:
    """Return a mutation of ``data``, the content of the file ``name``."""
    if draw.random() < 0.45:
        what, change = draw.choice(list(_DAMAGE.items()))
        return Mutated(change(data, draw), what, is_damage=True)
    unpacked = _unpack(data, name) if draw.random() < 0.7 else None
    if unpacked is not None:
        inner, pack = unpacked
        changed = mutate(inner, name.removesuffix(f".{name.rpartition('.')[2]}"), words, draw)
        return Mutated(pack(changed.data), f"{changed.what}, packed again", is_damage=False)
    if draw.random() < 0.5:
        value = _structure(data, name)
        if value is not None:
            kind, content = value
            content = _change_value(content, draw)
            return Mutated(_dump(content, kind), f"another {kind} value", is_damage=False)
    word = draw.choice(WORDS + words * 3)
    if draw.random() < 0.1:
        return Mutated(word, "replaced", is_damage=False)
    start, end = _range(data, draw) if draw.random() < 0.5 else _field(data, draw)
    if draw.random() < 0.3:
        end = start
    return Mutated(data[:start] + word + data[end:], "a word", is_damage=False)


def _range(data: bytes, draw: random.Random) -> tuple[int, int]:
    start = draw.randint(0, len(data))
    return start, min(len(data), start + int(draw.expovariate(1 / 8)))


def _field(data: bytes, draw: random.Random) -> tuple[int, int]:
    """A place that begins and ends where a field could."""
    start, _ = _range(data, draw)
    while start > 0 and data[start - 1 : start] not in (b" ", b"\t", b"\n", b",", b":"):
        start -= 1
    end = start
    while end < len(data) and data[end : end + 1] not in (b" ", b"\t", b"\n", b",", b":"):
        end += 1
    return start, end


def _flip(data: bytes, draw: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 4))):
        if changed:
            changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _overwrite(data: bytes, draw: random.Random) -> bytes:
    start, end = _range(data, draw)
    return data[:start] + draw.randbytes(end - start) + data[end:]


def _zeros(data: bytes, draw: random.Random) -> bytes:
    """A block that was never written: disks return zeros for it."""
    start = draw.randint(0, len(data)) // 64 * 64
    size = min(len(data) - start, draw.choice((64, 512, 4096)))
    return data[:start] + bytes(size) + data[start + size :]


def _delete(data: bytes, draw: random.Random) -> bytes:
    start, end = _range(data, draw)
    return data[:start] + data[end:]


def _truncate(data: bytes, draw: random.Random) -> bytes:
    return data[: draw.randint(0, len(data))]


def _append(data: bytes, draw: random.Random) -> bytes:
    return data + draw.choice((draw.randbytes(5), data[:100], b"\n\n"))


def _repeat(data: bytes, draw: random.Random) -> bytes:
    start, end = _range(data, draw)
    return data[:end] + data[start:end] * draw.choice((1, 1, 1000)) + data[end:]


def _swap_lines(data: bytes, draw: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    if len(lines) > 1:
        first, second = draw.sample(range(len(lines)), 2)
        lines[first], lines[second] = lines[second], lines[first]
    return b"".join(lines)


def _delete_line(data: bytes, draw: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    if lines:
        del lines[draw.randrange(len(lines))]
    return b"".join(lines)


_DAMAGE: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "flipped bits": _flip,
    "overwritten": _overwrite,
    "zeros": _zeros,
    "deleted bytes": _delete,
    "cut": _truncate,
    "appended": _append,
    "repeated": _repeat,
    "swapped lines": _swap_lines,
    "deleted line": _delete_line,
}


def _unpack(data: bytes, name: str) -> tuple[bytes, Callable[[bytes], bytes]] | None:
    """Content of a packed file and how to pack it again; None if it is not packed."""
    with contextlib.suppress(OSError, EOFError, zlib.error, lzma.LZMAError):
        if name.endswith(".gz"):
            return gzip.decompress(data), lambda inner: gzip.compress(inner, 1, mtime=0)
        if name.endswith(".xz"):
            return lzma.decompress(data), lambda inner: lzma.compress(inner, preset=0)
        if name.endswith(".bz2"):
            return bz2.decompress(data), lambda inner: bz2.compress(inner, 1)
    if name.endswith(".zip"):
        with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(data)) as bundle:
            members = {member: bundle.read(member) for member in bundle.namelist()}
            first = next(iter(members))
            return members[first], lambda inner: zip_of({**members, first: inner})
    return None


def _structure(data: bytes, name: str) -> tuple[str, Any] | None:
    """The values of a JSON, JSON lines or YAML file; None for other files."""
    with contextlib.suppress(ValueError, yaml.YAMLError, RecursionError):
        if name.endswith((".json", ".jsonl")):
            text = data.decode("utf-8")
            if name.endswith(".jsonl"):
                return "JSON lines", [json.loads(line) for line in text.splitlines()]
            return "JSON", json.loads(text)
        if name.endswith((".yaml", ".yml")):
            return "YAML", yaml.safe_load(data)
    return None


def _dump(value: Any, kind: str) -> bytes:
    if kind == "YAML":
        text: str = yaml.safe_dump(value, sort_keys=False)
    elif kind == "JSON" or not isinstance(value, list):
        text = json.dumps(value)
    else:
        text = "".join(json.dumps(row) + "\n" for row in value)
    return text.encode("utf-8", "surrogatepass")


def _change_value(value: Any, draw: random.Random) -> Any:
    """Replace, remove or repeat one value somewhere inside of ``value``."""
    if isinstance(value, dict) and value and draw.random() < 0.9:
        key = draw.choice(list(value))
        chance = draw.random()
        if chance < 0.1:
            return {k: inner for k, inner in value.items() if k != key}
        if chance < 0.15:
            return {**value, "another": draw.choice(_VALUES)}
        return {**value, key: _change_value(value[key], draw)}
    if isinstance(value, list) and value and draw.random() < 0.9:
        position = draw.randrange(len(value))
        chance = draw.random()
        if chance < 0.1:
            return value[:position] + value[position + 1 :]
        if chance < 0.2:
            return value + value[position:]
        return [*value[:position], _change_value(value[position], draw), *value[position + 1 :]]
    return draw.choice(_VALUES)
