"""Lines of compressed files: equal to the standard library's, damaged, and expanding for ever."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from elmobench.core.errors import DataError
from elmobench.pretraining import text_files
from elmobench.pretraining.corpus import Corpus
from elmobench.pretraining.text_files import decode_line, text_lines

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
}


def lines(path: Path) -> list[bytes]:
    return [line for _, line in text_lines(path)]


def random_text(size: int) -> bytes:
    draw = random.Random(5)
    return b"".join(draw.randbytes(draw.randrange(200)).hex().encode() + b"\n" for _ in range(size))


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_several_streams_are_one_text(tmp_path: Path, suffix: str) -> None:
    compress = COMPRESSORS[suffix]
    text = random_text(5000)
    path = tmp_path / f"t{suffix}"
    path.write_bytes(compress(text[:100_000]) + compress(b"") + compress(text[100_000:]) + bytes(8))
    assert b"".join(lines(path)) == text
    path.write_bytes(compress(b""))
    assert lines(path) == []


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_damage_is_an_error_with_file_and_line(tmp_path: Path, suffix: str) -> None:
    whole = COMPRESSORS[suffix](random_text(50))
    path = tmp_path / f"t{suffix}"
    path.write_bytes(whole)
    right = lines(path)
    draw = random.Random(1)
    noticed = 0
    for position in range(0, len(whole), 37):
        changed = bytearray(whole)
        changed[position] ^= 1 << draw.randrange(8)
        path.write_bytes(changed)
        try:
            assert lines(path) == right  # such as the time in the header of gzip
        except DataError:
            noticed += 1
    assert noticed > 0.9 * len(range(0, len(whole), 37))
    for cut in (0, 3, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(DataError, match=r"t\.\w+:\d+: cannot be read further.*ends early"):
            lines(path)
    path.write_bytes(whole + b"something else")
    with pytest.raises(DataError, match="cannot be read further"):
        lines(path)


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_an_endless_text_is_an_error(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_files, "_FREE_EXPANSION", 1 << 16)
    path = tmp_path / f"bomb{suffix}"
    path.write_bytes(COMPRESSORS[suffix](b"\n" * 3_000_000))
    with pytest.raises(DataError, match="expands to more than 200 times its size"):
        lines(path)
    path.write_bytes(COMPRESSORS[suffix](b"a" * (text_files.LONGEST_LINE + 2)))
    monkeypatch.setattr(text_files, "_FREE_EXPANSION", 1 << 30)
    with pytest.raises(DataError, match=r"bomb\.\w+:1: the line is longer than 8 MB"):
        lines(path)


def test_a_byte_order_mark_is_cut_at_the_start_of_each_file(tmp_path: Path) -> None:
    mark = "\ufeff".encode()
    (tmp_path / "a").write_bytes(mark + b"one " + mark + b"two\n" + mark + b"three\n")
    (tmp_path / "b.gz").write_bytes(gzip.compress(mark + b"four\n"))
    (tmp_path / "c").write_bytes(mark)
    corpus = Corpus.open([tmp_path / name for name in ("a", "b.gz", "c")])
    assert list(corpus.paragraphs()) == [[["one", "\ufefftwo"]], [["\ufeffthree"]], [["four"]]]


def test_text_is_cut_at_blanks_and_tabs_only(tmp_path: Path) -> None:
    kept = ["10\u00a0000", "a\u2028b", "c\x85d", "e\u3000f", "g\x1ch", "\u00a0", "i\x0bj"]
    (tmp_path / "t").write_bytes("\t \t".join(["", *kept, "k\rl", "m"]).encode() + b" \t\r\n")
    assert list(Corpus.open([tmp_path / "t"]).paragraphs()) == [[[*kept, "k", "l", "m"]]]


def test_text_that_is_not_utf8_names_the_line() -> None:
    with pytest.raises(DataError, match=r"t:3: not UTF-8 at byte 1(.|\n)*iconv -f latin1"):
        decode_line(b"a\xe9", Path("t"), 3)
    with pytest.raises(DataError, match=r"iconv -f utf-16 -t utf-8"):
        decode_line("word\n".encode("utf-16"), Path("t"), 1)
    # A lone surrogate in bytes, as broken programs write it.
    with pytest.raises(DataError, match="not UTF-8"):
        decode_line(b"\xed\xa0\x80", Path("t"), 1)


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_text("a\nb\n")
    corpus = Corpus.open([path])
    reading = corpus.paragraphs()
    assert next(reading) == [["a"]]
    with path.open("a") as stream:
        stream.write("c\n")
    with pytest.raises(DataError, match=r"t: the file was changed while it was read"):
        list(reading)
