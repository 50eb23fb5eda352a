"""A source of a card as checked bytes, and the digest that stands for it in identities."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from urllib.parse import urlsplit

from elmobench.core.compressed import unpacked
from elmobench.core.digests import file_sha256
from elmobench.core.errors import DataError, DigestError
from elmobench.core.parsing import parsing, read_bytes
from elmobench.core.progress import DownloadProgress
from elmobench.data.cards.card import TaskCard
from elmobench.data.cards.source_kinds import HubSource, PathSource, UrlSource
from elmobench.data.cards.split_rules import HashSplit
from elmobench.data.download import cache as downloads
from elmobench.data.download.archives import read_member
from elmobench.data.encodings import as_utf8

FileSource = UrlSource | HubSource | PathSource


def fetch_source(
    card: TaskCard,
    source: FileSource,
    trust_first: bool = False,
    progress: DownloadProgress | None = None,
) -> Path:
    """The checked local file of a source, downloaded if need be.

    Raises:
        DigestError, DownloadError: see :func:`elmobench.data.download.cache.fetch`.
        DataError: a local file is missing.
    """
    if isinstance(source, PathSource):
        path = _local(card, source)
        with parsing(path):
            found = file_sha256(path)
        if source.sha256 is not None and found != source.sha256:
            raise DigestError(f"its sha256 is {found}, expected {source.sha256}", where=str(path))
        return path
    return downloads.fetch(
        source.url,
        sha256=source.sha256,
        git_blob_sha1=source.git_blob_sha1,
        bytes=source.bytes,
        trust_first=trust_first,
        progress=progress,
    )


def verify_source(card: TaskCard, source: FileSource) -> Path:
    """The checked local file of a source; never downloads.

    Raises:
        DownloadError: it is not in the cache.
        DigestError: it is not what was pinned.
    """
    if isinstance(source, PathSource):
        return fetch_source(card, source)
    return downloads.checked_copy(source.url, _expected(source))


def is_local(card: TaskCard, source: FileSource) -> bool:
    """Whether a source's file is on this machine (it is not hashed)."""
    if isinstance(source, PathSource):
        return os.path.isfile(card.folder / source.path)
    key = _expected(source).key
    return key is not None and downloads.cache_path(key).is_file()


def needs_network(source: FileSource) -> bool:
    """Whether reading the source would download it."""
    return not isinstance(source, PathSource) and downloads.needs_network(
        source.url, _expected(source)
    )


def is_pinned(source: FileSource) -> bool:
    """Whether a digest of the source is known; without one, a download needs ``trust_first``."""
    return isinstance(source, PathSource) or _expected(source).key is not None


def read_source(path: Path, source: FileSource) -> bytes:
    """The bytes that a reader gets: the file, unpacked, or one member of it, in UTF-8.

    Raises:
        DataError: the file cannot be read or unpacked, or is not in the stated encoding.
    """
    if source.member is not None:
        data = read_member(path, source.member, source_name(source))
    else:
        # The cache names files by their digests, so the source says whether one is compressed.
        data = unpacked(read_bytes(path), source_name(source))
    if source.encoding is None:
        return data
    return as_utf8(data, source.encoding, full_name(source))


def full_name(source: FileSource) -> str:
    """What errors of readers call a source: its name, and its member of an archive, if any."""
    return source_name(source) + (f":{source.member}" if source.member else "")


def source_name(source: FileSource) -> str:
    """What messages call a source: its file name, or its path as the card writes it."""
    if isinstance(source, PathSource):
        return source.path
    if isinstance(source, HubSource):
        return source.hub.file
    return urlsplit(source.url).path.rsplit("/", 1)[-1]


def source_digest(card: TaskCard, source: FileSource, trust_first: bool = False) -> str:
    """Kind and digest of a source's file. Reads the file only if the card gives no digest.

    Raises:
        DigestError: an address without a digest that was not fetched with ``trust_first`` yet.
    """
    if isinstance(source, PathSource):
        if source.sha256 is not None:
            return f"sha256:{source.sha256}"
        path = _local(card, source)
        with parsing(path):
            return f"sha256:{file_sha256(path)}"
    expected = _expected(source)
    if expected.key is None:
        path = fetch_source(card, source, trust_first)
        return f"sha256:{file_sha256(path)}"
    return f"sha256:{expected.sha256}" if expected.sha256 else f"git:{expected.git_blob_sha1}"


def _expected(source: UrlSource | HubSource) -> downloads.Expected:
    return downloads.expected_of(
        source.url,
        sha256=source.sha256,
        git_blob_sha1=source.git_blob_sha1,
        bytes=source.bytes,
    )


def _local(card: TaskCard, source: PathSource) -> Path:
    path = card.folder / source.path
    if not os.path.isfile(path):  # False for names that no file can have, where Path's raises
        problem = "is a folder" if os.path.isdir(path) else "no such file"
        raise DataError(
            f"{problem} (path {source.path!r} of card {card.id})",
            where=str(path),
            fix="a path in a card is relative to the card's folder, or absolute",
        )
    return path


def split_of_text(rule: HashSplit, text: str) -> str:
    """The split that ``rule`` gives to an example with this text."""
    fraction = text_fraction(rule.salt, text)
    if fraction < rule.test:
        return "test"
    return "dev" if fraction < rule.test + rule.dev else "train"


def text_fraction(salt: str, text: str) -> float:
    """A number in [0, 1) that depends on ``salt`` and ``text`` alone; for hashed splits."""
    digest = hashlib.sha256((salt + text).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:6], "big") / 2.0**48
