"""Mutations that know a format: files beyond a limit, cut at a seam, or with parts exchanged.

A random change of bytes seldom leaves a file that its parser accepts, so that it says little about
the checks behind the parser. These mutations leave files that parse. The limits are those that
``docs/reliability.md`` states. They are not imported, so that a limit that is lifted is a fault.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import random
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from elmobench.core.digests import digest_of

SEAL = "sha256"
_JSON_LEVELS = 200
_YAML_LEVELS = 50
_YAML_VALUES = 100_000
_YAML_BYTES = 1 << 20
_UNPACKED_BYTES = 1 << 29
_PIECE = 1 << 20
_LARGE_TEXT = 96 << 20
"""More than 64 MiB and 200 times the compressed size, which is about 100 kB."""
_DIGEST = re.compile(rb"\b[0-9a-f]{64}\b")
_KEY_LINE = re.compile(rb"^[a-z_]+: [^|>&*\[{\n][^\n]*\n", re.MULTILINE)
_HEADER_LENGTH = 8
_NPY_HEADER = 128

Change = Callable[[bytes, random.Random], bytes]


@dataclass(frozen=True)
class Known:
    """A mutation of one format.

    Attributes:
        change: makes the new bytes.
        must_be_refused: whether every reader must refuse the result or warn of it, also where
            people wrote the file, and also where what is read is right. False: it is damage, which
            must be noticed where the project wrote the file and another value is read.
        is_large: whether reading takes seconds; such mutations are drawn less often.
    """

    change: Change
    must_be_refused: bool = False
    is_large: bool = False


def known_mutations(data: bytes, name: str, *, ours: bool) -> dict[str, Known]:
    """The mutations that know the format of the file ``name``, by what they do.

    Args:
        data: the file's content, which may be damaged; then there are fewer.
        name: of the file, whose suffix says the format.
        ours: whether the project wrote the file, so that a digest in it is required.
    """
    found: dict[str, Known] = {}
    if name.endswith((".yaml", ".yml")):
        found |= _of_yaml(data)
    elif name.endswith(".json"):
        found |= _of_json(data, ours)
    elif name.endswith(".jsonl"):
        found |= _of_json_lines(data)
    elif name.endswith(".gz"):
        found |= _of_gzip(data, name)
    elif name.endswith(".zip"):
        found |= _of_zip(data)
    elif name.endswith(".safetensors"):
        found |= _of_safetensors(data)
    elif name.endswith(".npy") and len(data) > _NPY_HEADER:
        found |= _of_values(_NPY_HEADER)
    if ours and not name.endswith((".gz", ".zip")):
        found["another letter or digit"] = Known(_another_character)
    if len(set(_DIGEST.findall(data))) > 1:
        found["digests exchanged"] = Known(_exchange_digests)
    return found


def _of_yaml(data: bytes) -> dict[str, Known]:
    found = {
        "aliases that repeat a few too many values": _appended(_aliases(2)),
        "aliases that repeat billions of values": _appended(_aliases(8)),
        "one level of YAML too many": _appended(
            b"nested_by_fuzz: " + b"[" * _YAML_LEVELS + b"]" * _YAML_LEVELS + b"\n"
        ),
        "more than a mebibyte of YAML": _appended(b"# " + b"a" * _YAML_BYTES + b"\n"),
    }
    if _KEY_LINE.search(data):
        found["a key of YAML twice"] = Known(_repeat_key, must_be_refused=True)
    return found


def _appended(text: bytes) -> Known:
    return Known(lambda data, draw: data.rstrip(b"\n") + b"\n" + text, must_be_refused=True)


def _aliases(levels: int) -> bytes:
    """A list of 500 values that the next list repeats 250 times, and so on."""
    lines = [b"fuzz_0: &fuzz_0 [" + b"1, " * 499 + b"1]\n"]
    for level in range(1, levels):
        alias = b"*fuzz_%d" % (level - 1)
        lines.append(b"fuzz_%d: &fuzz_%d [" % (level, level) + (alias + b", ") * 249 + alias)
        lines.append(b"]\n")
    assert 500 * 250 ** (levels - 1) > _YAML_VALUES
    return b"".join(lines)


def _repeat_key(data: bytes, draw: random.Random) -> bytes:
    lines = [match.group() for match in _KEY_LINE.finditer(data)]
    return data.rstrip(b"\n") + b"\n" + draw.choice(lines)


def _of_json(data: bytes, ours: bool) -> dict[str, Known]:
    value = _parsed(data)
    if not isinstance(value, dict) or not value:
        return {}
    found = {
        "one level of JSON too many": Known(_nested_json, must_be_refused=True),
        "a number that is not finite": Known(_not_finite, must_be_refused=True),
    }
    if ours:
        found["JSON of the same meaning"] = Known(_respell_json)
    if ours and SEAL in value:
        found["without its digest"] = Known(_without_seal, must_be_refused=True)
    return found


def _of_json_lines(data: bytes) -> dict[str, Known]:
    lines = data.splitlines()
    if not lines or not all(isinstance(_parsed(line), dict) for line in lines):
        return {}

    def in_one(change: Change) -> Change:
        def changed(data: bytes, draw: random.Random) -> bytes:
            lines = data.splitlines()
            which = draw.randrange(len(lines))
            # Python writes one line.
            lines[which] = change(lines[which], draw).replace(b"\n", b"")
            return b"\n".join(lines) + b"\n"

        return changed

    return {
        "one level of JSON too many": Known(in_one(_nested_json), must_be_refused=True),
        "a number that is not finite": Known(in_one(_not_finite), must_be_refused=True),
    }


def _parsed(data: bytes) -> Any:
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(data)
    return None


def _nested_json(data: bytes, draw: random.Random) -> bytes:
    """Nested one level too deep, with the digest of the new content if it had one."""
    value = json.loads(data)
    inner: Any = 0
    for _ in range(_JSON_LEVELS):  # and the mapping around them
        inner = [inner]
    content = {key: old for key, old in value.items() if key != SEAL}
    content["nested_by_fuzz"] = inner
    if SEAL in value:
        content[SEAL] = digest_of(content)
    return json.dumps(content).encode()


def _not_finite(data: bytes, draw: random.Random) -> bytes:
    number = draw.choice(("NaN", "Infinity", "-Infinity", "1e999", "9" * 5000))
    # At the start, where a mapping that has something in it can take one key more.
    return data.replace(b"{", b'{"number_by_fuzz": ' + number.encode() + b", ", 1)


def _respell_json(data: bytes, draw: random.Random) -> bytes:
    value = json.loads(data)
    if draw.random() < 0.5:
        value = dict(reversed(value.items()))
    return json.dumps(value, indent=draw.choice((None, 1, 2, 3))).encode()


def _without_seal(data: bytes, draw: random.Random) -> bytes:
    content = json.loads(data)
    del content[SEAL]
    return json.dumps(content, indent=2).encode()


def _of_gzip(data: bytes, name: str) -> dict[str, Known]:
    try:
        inner = gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return {}
    found = {
        "gzip cut in its last eight bytes": Known(
            lambda data, draw: data[: -draw.randint(1, 8)], must_be_refused=True
        ),
        "gzip that expands too much": Known(
            lambda data, draw: _gzip_bomb(inner, name), must_be_refused=True, is_large=True
        ),
    }
    for what, known in known_mutations(inner, name.removesuffix(".gz"), ours=False).items():
        if known.must_be_refused:
            packed = _inside_gzip(known.change)
            found[f"{what}, packed again"] = Known(packed, must_be_refused=True)
    if inner.count(b"\n") > 1:
        found["gzip cut behind a line"] = Known(
            lambda data, draw: _cut_behind_a_line(inner, draw), must_be_refused=True
        )
    return found


def _inside_gzip(change: Change) -> Change:
    return lambda data, draw: gzip.compress(change(gzip.decompress(data), draw), 1, mtime=0)


def _cut_behind_a_line(inner: bytes, draw: random.Random) -> bytes:
    """What is there of a file whose writer had written whole lines, but not the end."""
    lines = inner.splitlines(keepends=True)
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    start = packer.compress(b"".join(lines[: draw.randrange(1, len(lines))]))
    return start + packer.flush(zlib.Z_FULL_FLUSH)


def _gzip_bomb(inner: bytes, name: str) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(piece) for piece in _too_much(inner, name)) + packer.flush()


def _too_much(inner: bytes, name: str) -> Iterator[bytes]:
    """``inner`` and more than a reader may take of what its parser passes over."""
    if ".json" in name:
        yield inner.rstrip(b"\n")
        for _ in range(_UNPACKED_BYTES // _PIECE + 1):
            yield b" " * _PIECE
        yield b"\n"
        return
    yield inner
    # Rows of vectors need a word each, and as many values as the last one, with blanks behind them.
    values = inner.rstrip(b"\n").rpartition(b"\n")[2].partition(b" ")[2]
    for i in range(_LARGE_TEXT // _PIECE):
        row = b"fuzz%d %s" % (i, values) if "vectors" in name else b""
        yield row.ljust(_PIECE - 1) + b"\n"


def _of_zip(data: bytes) -> dict[str, Known]:
    try:
        members = _members(data)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        return {}
    found = {
        "zip with a member that expands too much": Known(
            _zip_bomb, must_be_refused=True, is_large=True
        )
    }
    if any(_exchangeable(members)):
        found["members of a zip exchanged"] = Known(_exchange_members)
    return found


def _members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as bundle:
        return {name: bundle.read(name) for name in bundle.namelist()}


def _exchangeable(members: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """Pairs of members of one folder that differ."""
    names = sorted(members)
    return [
        (a, b)
        for i, a in enumerate(names)
        for b in names[i + 1 :]
        if a.rpartition("/")[0] == b.rpartition("/")[0] and members[a] != members[b]
    ]


def _exchange_members(data: bytes, draw: random.Random) -> bytes:
    members = _members(data)
    # Folders first: the many pairs of a large folder must not hide those of a small one.
    pairs = _exchangeable(members)
    folder = draw.choice(sorted({a.rpartition("/")[0] for a, _ in pairs}))
    a, b = draw.choice([pair for pair in pairs if pair[0].rpartition("/")[0] == folder])
    return zip_of({**members, a: members[b], b: members[a]})


def _zip_bomb(data: bytes, draw: random.Random) -> bytes:
    members = _members(data)
    stream = io.BytesIO()
    chosen = draw.choice(sorted(members))
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bundle:
        for name, content in members.items():
            if name != chosen:
                bundle.writestr(_entry(name), content)
                continue
            with bundle.open(_entry(name), "w") as member:
                for piece in _too_much(content, name):
                    member.write(piece)
    return stream.getvalue()


def zip_of(members: Mapping[str, bytes]) -> bytes:
    """A zip archive, the same bytes each time."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in members.items():
            bundle.writestr(_entry(name), content)
    return stream.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _of_safetensors(data: bytes) -> dict[str, Known]:
    if len(data) < _HEADER_LENGTH:
        return {}
    start = _HEADER_LENGTH + struct.unpack("<Q", data[:_HEADER_LENGTH])[0]
    if not isinstance(_parsed(data[_HEADER_LENGTH:start]), dict):
        return {}
    found = {
        "header of the same meaning": Known(_respell_header),
        "another letter or digit in the header": Known(
            lambda data, draw: _another_character(data, draw, end=start)
        ),
    }
    if len(data) > start:
        found |= _of_values(start)
    return found


def _of_values(start: int) -> dict[str, Known]:
    """Mutations of the bytes from ``start`` on, which are numbers."""

    def flip(data: bytes, draw: random.Random) -> bytes:
        changed = bytearray(data)
        changed[draw.randrange(start, len(data))] ^= 1 << draw.randrange(8)
        return bytes(changed)

    def exchange(data: bytes, draw: random.Random) -> bytes:
        """Two blocks of one size, as a disk that wrote them in each other's place."""
        size = min(draw.choice((8, 64, 512, 4096)), (len(data) - start) // 2)
        first = draw.randrange(start, len(data) - 2 * size + 1)
        second = draw.randrange(first + size, len(data) - size + 1)
        blocks = data[first : first + size], data[second : second + size]
        between = data[first + size : second]
        return data[:first] + blocks[1] + between + blocks[0] + data[second + size :]

    return {"a bit of the values": Known(flip), "blocks of the values exchanged": Known(exchange)}


def _respell_header(data: bytes, draw: random.Random) -> bytes:
    """The same header with a blank moved or its entries in another order; its length stays."""
    end = _HEADER_LENGTH + struct.unpack("<Q", data[:_HEADER_LENGTH])[0]
    header = data[_HEADER_LENGTH:end]
    text = header.rstrip(b" ")
    if text != header and draw.random() < 0.5:
        new = b"{ " + text[1:]
    else:
        first, *entries = json.loads(header).items()
        draw.shuffle(entries)
        new = json.dumps(
            dict([first, *entries]), separators=(",", ":"), ensure_ascii=False
        ).encode()
    if len(new) > len(header):  # a writer that spells something else
        return data
    return data[:_HEADER_LENGTH] + new.ljust(len(header)) + data[end:]


def _another_character(data: bytes, draw: random.Random, end: int | None = None) -> bytes:
    """One letter or digit becomes another, so that most formats still parse."""
    places = [match.start() for match in re.finditer(rb"[0-9A-Za-z]", data[:end])]
    if not places:
        return data
    place = draw.choice(places)
    letters = b"123456789" if data[place : place + 1].isdigit() else b"abcdefghijkl"
    new = draw.choice([c for c in letters if c != data[place]])
    return data[:place] + bytes([new]) + data[place + 1 :]


def _exchange_digests(data: bytes, draw: random.Random) -> bytes:
    digests = sorted(set(_DIGEST.findall(data)))
    first, second = draw.sample(digests, 2)
    swapped = {first: second, second: first}
    return _DIGEST.sub(lambda found: swapped.get(found.group(), found.group()), data)
