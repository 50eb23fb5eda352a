"""Compressed files: what comes out, limits, damage."""

import bz2
import gzip
import lzma
from collections.abc import Callable

import pytest

from elmobench.core.compressed import plain_name, unpacked
from elmobench.core.errors import DataError

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
