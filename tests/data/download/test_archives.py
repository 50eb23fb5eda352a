import zipfile
from pathlib import Path

import pytest

from elmobench.core.errors import DataError
from elmobench.data.download.archives import read_member


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("folder/text.pos", "hello\n")
        bundle.writestr("zeros", bytes(100_000))
        bundle.writestr("../outside", "escaped")
    return path


def test_a_member_is_read(archive: Path):
    assert read_member(archive, "folder/text.pos", "a.zip") == b"hello\n"


@pytest.mark.parametrize("member", ["../outside", "/etc/passwd", "..\\outside"])
def test_member_names_cannot_leave(archive: Path, member: str):
    with pytest.raises(DataError, match="cannot leave"):
        read_member(archive, member, "a.zip")


def test_an_unknown_member_gets_advice(archive: Path):
    with pytest.raises(DataError, match=r"folder/text\.pos"):
        read_member(archive, "folder/text.pso", "a.zip")


def test_size_is_bounded(archive: Path):
    assert len(read_member(archive, "zeros", "a.zip", limit=100_000)) == 100_000
    with pytest.raises(DataError, match="limit 99999"):
        read_member(archive, "zeros", "a.zip", limit=99_999)


def test_a_false_stated_size_is_detected(archive: Path):
    data = bytearray(archive.read_bytes())
    real = (100_000).to_bytes(4, "little")
    assert data.count(real) >= 2
    archive.write_bytes(bytes(data).replace(real, (10).to_bytes(4, "little")))
    with pytest.raises(DataError, match="cannot be unpacked"):
        read_member(archive, "zeros", "a.zip", limit=1000)


def test_damage_is_detected_at_every_byte(archive: Path):
    whole = archive.read_bytes()
    start = whole.index(b"folder/text.pos") + len("folder/text.pos")
    caught = 0
    for place in range(start, start + 8):
        for bit in range(8):
            data = bytearray(whole)
            data[place] ^= 1 << bit
            archive.write_bytes(bytes(data))
            try:
                # Some bits of the last byte are padding.
                assert read_member(archive, "folder/text.pos", "a.zip") == b"hello\n"
            except DataError as error:
                caught += 1
                assert "cannot be unpacked" in str(error)  # noqa: PT017
    assert caught >= 45


@pytest.mark.parametrize("method", ["ZIP_STORED", "ZIP_DEFLATED", "ZIP_BZIP2", "ZIP_LZMA"])
def test_damage_is_detected_with_every_compression(tmp_path: Path, method: str):
    path, content = tmp_path / "a.zip", b"".join(b"%d\n" % (i * i) for i in range(25))
    with zipfile.ZipFile(path, "w", getattr(zipfile, method)) as bundle:
        bundle.writestr("\u00fc.txt", content)
    whole = path.read_bytes()
    assert read_member(path, "\u00fc.txt", "a.zip") == content
    caught = 0
    for place in range(len(whole)):
        for bit in (0, 7):
            data = bytearray(whole)
            data[place] ^= 1 << bit
            path.write_bytes(bytes(data))
            try:
                # Dates and similar fields do not matter.
                assert read_member(path, "\u00fc.txt", "a.zip") == content
            except DataError:
                caught += 1
    assert caught > len(whole) // 2


def test_a_file_that_is_not_an_archive(tmp_path: Path):
    (tmp_path / "no.zip").write_bytes(b"this is no archive")
    with pytest.raises(DataError, match="cannot be unpacked"):
        read_member(tmp_path / "no.zip", "x", "no.zip")
