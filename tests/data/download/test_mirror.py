"""Files from a folder in place of the network."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from elmobench.core import paths
from elmobench.core.errors import DigestError, DownloadError
from elmobench.data.download.cache import cache_path, fetch, mirrored

CONTENT = bytes(range(256)) * 2000
SHA = hashlib.sha256(CONTENT).hexdigest()
URL = "https://example.org/a%20b/file.bin"


def kept() -> list[Path]:
    """Every file in the cache folder that is not a lock."""
    return [p for p in paths.home().rglob("*") if p.is_file() and p.suffix != ".lock"]


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "mirror"
    (folder / "example.org" / "a b").mkdir(parents=True)
    (folder / "example.org" / "a b" / "file.bin").write_bytes(CONTENT)
    monkeypatch.setenv(paths.MIRROR_VARIABLE, str(folder))
    return folder


def test_files_come_from_the_mirror(mirror: Path):
    assert fetch(URL, sha256=SHA).read_bytes() == CONTENT
    assert kept() == [cache_path(SHA)]


def test_they_are_checked_like_downloads(mirror: Path):
    with pytest.raises(DigestError):
        fetch(URL, sha256="0" * 64)
    assert kept() == []


def test_missing_files_are_not_requested_from_the_network(mirror: Path):
    with pytest.raises(DownloadError, match="the mirror has no file"):
        fetch("https://example.org/other", sha256=SHA)
    assert kept() == []


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/../../secret",
        "https://example.org/%2e%2e/%2e%2e/secret",
        "https://../secret",
        "https://example.org/link",
    ],
)
def test_paths_cannot_leave_it(mirror: Path, tmp_path: Path, url: str):
    (tmp_path / "secret").write_bytes(CONTENT)
    (mirror / "example.org" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(DownloadError, match="leaves the mirror"):
        fetch(url, sha256=SHA)
    with pytest.raises(DownloadError, match="leaves the mirror"):
        mirrored(url, mirror)


def test_mirror_paths_that_no_file_can_have(tmp_path: Path):
    (tmp_path / "a").symlink_to("a")
    for url in ("https://a/b", f"https://b/{'x' * 5000}", "https://b/%00"):
        with pytest.raises(DownloadError, match="mirror"):
            mirrored(url, tmp_path)
