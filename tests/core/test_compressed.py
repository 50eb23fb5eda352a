"""Compressed files: what comes out, limits, damage."""

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable

import pytest

from elmobench.core.compressed import open_member, plain_name, unpacked
from elmobench.core.errors import DataError
from elmobench.core.parsing import PARSER_ERRORS

PACK: dict[str, Callable[[bytes], bytes]] = {
    "a.gz": gzip.compress,
    "a.bz2": bz2.compress,
    "a.xz": lzma.compress,
}
TEXT = "caf\u00e9\n".encode() * 1000


@pytest.mark.parametrize("name", PACK)
def test_content_of_one_or_several_streams(name: str) -> None:
    pack = PACK[name]
    assert unpacked(pack(TEXT), name) == TEXT
    assert unpacked(pack(TEXT) + pack(b"more"), name) == TEXT + b"more"
    assert unpacked(pack(b""), name) == b""
    assert plain_name(f"x.csv{name[1:]}") == "x.csv"


def test_other_names_are_not_looked_into() -> None:
    assert unpacked(gzip.compress(TEXT), "a.csv") == gzip.compress(TEXT)


@pytest.mark.parametrize("name", PACK)
def test_damage_and_limits(name: str) -> None:
    packed = PACK[name](TEXT)
    for damaged in (packed[:-3], packed[: len(packed) // 2], b"text", b"", packed + b"rest"):
        with pytest.raises(DataError, match=f"^{name}: is a damaged"):
            unpacked(damaged, name)
    assert unpacked(packed, name, limit=len(TEXT)) == TEXT
    with pytest.raises(DataError, match="holds more than"):
        unpacked(packed, name, limit=len(TEXT) - 1)


def test_members_of_zips() -> None:
    """An encrypted member is damage of the file, not a fault of the program."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", TEXT)
    with zipfile.ZipFile(buffer) as archive, open_member(archive, "a.txt") as stream:
        assert stream.read() == TEXT
    data = bytearray(buffer.getvalue())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        with pytest.raises(PARSER_ERRORS, match=r"'a\.txt' is encrypted"):
            open_member(archive, archive.infolist()[0])
        with pytest.raises(RuntimeError):
            archive.open("a.txt")
