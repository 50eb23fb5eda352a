"""Downloads into a content-addressed cache that holds checked files only."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from elmobench.core import paths
from elmobench.core.digests import file_sha256, git_blob_sha1
from elmobench.core.errors import DigestError, DownloadError
from elmobench.core.files import atomic_path, locked, remove_leftovers, writing
from elmobench.core.parsing import check_is_file, parsing
from elmobench.core.progress import DownloadProgress
from elmobench.data.download.hub import ERROR_CODE, refusal, request_address, token_headers
from elmobench.data.download.pins import pin, pinned, unpin

if TYPE_CHECKING:
    import requests

ATTEMPTS = 5
REDIRECTS = 10
TIMEOUT = (10.0, 60.0)
"""Seconds to connect, and between two pieces of a file."""
_LONGEST_WAIT = 30.0
_PIECE = 1 << 16
_RESUMES = "make room on the disk and give the command again: it resumes where it stopped"
# 206 and 416: the server disagrees about the position to resume at; the next attempt starts anew.
_TRANSIENT = frozenset({206, 408, 416, 425, 429, 500, 502, 503, 504})
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Expected:
    """Expected SHA-256, git blob id (hex) and size in bytes of a file; None where unknown."""

    sha256: str | None = None
    git_blob_sha1: str | None = None
    bytes: int | None = None

    @property
    def key(self) -> str | None:
        """The digest that names the file in the cache; None if no digest is known."""
        return self.sha256 or self.git_blob_sha1

    def check(self, path: Path, name: str) -> None:
        """Raise DigestError if the file at ``path`` is not the expected one, or not readable."""
        with parsing(path, DigestError):
            size = path.stat().st_size
            if self.bytes is not None and size != self.bytes:
                raise DigestError(f"has {size} bytes, expected {self.bytes}", where=name)
            for kind, wanted, digest in (
                ("sha256", self.sha256, file_sha256),
                ("git blob sha1", self.git_blob_sha1, git_blob_sha1),
            ):
                if wanted is not None and (actual := digest(path)) != wanted:
                    raise DigestError(f"its {kind} is {actual}, expected {wanted}", where=name)


def cache_path(key: str) -> Path:
    """Path in the cache of the file with this digest, whether or not it exists."""
    return paths.data_cache() / key[:2] / key


def expected_of(
    url: str,
    *,
    sha256: str | None = None,
    git_blob_sha1: str | None = None,
    bytes: int | None = None,
) -> Expected:
    """The digests and size of ``url`` as given, or else as pinned by an earlier ``trust_first``."""
    if sha256 is None and git_blob_sha1 is None:
        known = pinned(url)
        if known is not None:
            return Expected(known["sha256"], None, known["bytes"] if bytes is None else bytes)
    return Expected(sha256, git_blob_sha1, bytes)


def fetch(
    url: str,
    *,
    sha256: str | None = None,
    git_blob_sha1: str | None = None,
    bytes: int | None = None,
    trust_first: bool = False,
    progress: DownloadProgress | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> Path:
    """Return the checked local copy of the file at ``url``; download it if it is not cached.

    With ELMOBENCH_MIRROR set, files come from ``HOST/PATH`` below that folder and never from
    the network.

    Args:
        url: an https address (http is allowed for loopback).
        sha256: hex digest of the bytes.
        git_blob_sha1: git's id of the file.
        bytes: its size.
        trust_first: accept a file without a known digest and pin its digest.
        progress: called as bytes arrive.
        sleep: called with the seconds to wait between attempts.

    Raises:
        DigestError: the content is not what was pinned, or no digest is known and
            ``trust_first`` is false. Nothing is kept.
        DownloadError: not https, not in the mirror, refused, or cut off too often; or the cache
            cannot be written. After a full disk the download resumes where it stopped.
    """
    _check_address(url)
    expected = expected_of(url, sha256=sha256, git_blob_sha1=git_blob_sha1, bytes=bytes)
    key = expected.key
    if key is None and not trust_first:
        raise DigestError(
            "no digest is known for this file",
            where=url,
            fix="give its sha256, or accept and pin the downloaded file with --trust-first",
        )
    if key is not None and _is_cached(key):
        return checked_copy(url, expected)
    cache = paths.data_cache()
    stem = cache / f"incoming-{hashlib.sha256(f'{url} {key}'.encode()).hexdigest()[:32]}"
    advice = f"set {paths.HOME_VARIABLE} to another folder"
    with locked(Path(f"{stem}.lock"), DownloadError, where=cache, fix=advice):
        part = Path(f"{stem}.part")
        remove_leftovers(cache, part.name)
        if key is None:
            # An earlier run's partial file may be of another version, which no digest would show.
            with writing(part, DownloadError):
                part.unlink(missing_ok=True)
            # Another process may have pinned the file meanwhile; the first pin counts.
            expected = expected_of(url, bytes=bytes)
            key = expected.key
        # Another process may have fetched it meanwhile.
        if key is not None and _is_cached(key):
            return checked_copy(url, expected)
        folder = paths.mirror()
        if folder is not None:
            _copy(mirrored(url, folder), part)
        else:
            try:
                _download(url, part, expected, progress, sleep)
            except DownloadError:
                if key is None:  # the next run could not resume it, see above
                    part.unlink(missing_ok=True)
                raise
        pinned_before = key is not None and key not in (sha256, git_blob_sha1)
        with _discard_on_mismatch(part, pinned_before):
            expected.check(part, url)
        actual = file_sha256(part)
        target = cache_path(key or actual)
        _move(part, target)
        if key is None:
            pin(url, actual, target.stat().st_size)
        return target


def forget(url: str) -> None:
    """Undo a ``trust_first``: delete the pin of ``url`` and its cached file."""
    known = pinned(url)
    if known is not None:
        unpin(url)
        path = cache_path(known["sha256"])
        with writing(path, DownloadError):
            path.unlink(missing_ok=True)


def checked_copy(url: str, expected: Expected) -> Path:
    """Hash the cached file again and return its path. Raises DigestError if it was damaged."""
    if expected.key is None or not _is_cached(expected.key):
        raise DownloadError("is not in the cache", where=url, fix="fetch it first")
    path = cache_path(expected.key)
    try:
        expected.check(path, url)
    except DigestError as error:
        raise DigestError(
            f"the cached copy is damaged: {error.what}",
            where=str(path),
            fix="remove that file and fetch it again",
        ) from error
    return path


def _is_cached(key: str) -> bool:
    """Whether the cache has a file. Raises DownloadError for anything else of its name."""
    path = cache_path(key)
    if path.is_file():
        return True
    if os.path.lexists(path):
        raise DownloadError(
            "is not a file",
            where=str(path),
            fix="remove it, and fetch the file again: `elmobench data fetch` or `models fetch`",
        )
    return False


def mirrored(url: str, folder: Path) -> Path:
    """The copy of ``url`` below a mirror folder: ``HOST/PATH``.

    Raises:
        DownloadError: there is no such file, or the path would leave the folder.
    """
    address = _split(url)
    # Names that are too long and links that lead in a circle are errors of the operating system.
    with parsing(url, DownloadError, what="cannot be looked up in the mirror"):
        root = folder.resolve()
        path = root / (address.hostname or "") / unquote(address.path).lstrip("/")
        # resolve() follows links as well: a link that leads out of the mirror is refused too.
        if "\0" in str(path) or not _resolved(path).is_relative_to(root):
            raise DownloadError("leaves the mirror folder", where=url)
    if not os.path.isfile(path):
        raise DownloadError(
            f"the mirror has no file {path}",
            where=url,
            fix=f"add it, or unset {paths.MIRROR_VARIABLE} to fetch it from the network",
        )
    return path


def needs_network(url: str, expected: Expected) -> bool:
    """Whether :func:`fetch` would download the file: neither the cache nor the mirror has it."""
    if expected.key is not None and _is_cached(expected.key):
        return False
    folder = paths.mirror()
    if folder is None:
        return True
    try:
        mirrored(url, folder)
    except DownloadError:
        return True
    return False


def _download(
    url: str,
    part: Path,
    expected: Expected,
    progress: DownloadProgress | None,
    sleep: Callable[[float], object],
) -> None:
    """Download to ``part``, resuming where it ends; wait 1, 2, 4, … seconds after failures."""
    import requests

    transient = (
        requests.ConnectionError,
        requests.Timeout,
        requests.exceptions.ChunkedEncodingError,
        requests.exceptions.ContentDecodingError,
    )
    reason = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            sleep(min(2.0 ** (attempt - 1), _LONGEST_WAIT))
        try:
            status, code = _attempt(url, part, expected, progress)
        except transient as error:
            reason = str(error)
            continue
        except requests.RequestException as error:
            raise DownloadError(f"could not be fetched: {error}", where=url) from error
        if status == 200:
            return
        reason = f"the server answered {status}"
        if status not in _TRANSIENT:
            what, fix = refusal(url, status, code) or (
                reason,
                "the address may have changed: look for a newer version of the card",
            )
            raise DownloadError(what, where=url, fix=fix)
    raise DownloadError(
        f"gave up after {ATTEMPTS} attempts: {reason}",
        where=url,
        fix=f"try again later{'' if expected.key is None else ' (it resumes where it stopped)'}, "
        f"or set {paths.MIRROR_VARIABLE} to a folder that holds the file",
    )


def _attempt(
    url: str, part: Path, expected: Expected, progress: DownloadProgress | None
) -> tuple[int, str]:
    """Make one request. Return 200 if ``part`` is complete, else the server's status and code."""
    import requests

    have = part.stat().st_size if part.is_file() else 0
    if have and have == expected.bytes:
        return 200, ""
    # Otherwise a server may compress, and byte positions would not be the file's.
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with _response(url, headers) as response:
        span = response.headers.get("Content-Range", "")
        resumed = response.status_code == 206 and span.startswith(f"bytes {have}-")
        if response.status_code in (206, 416) and not resumed:
            part.unlink(missing_ok=True)
        if response.status_code != 200 and not resumed:
            return response.status_code, response.headers.get(ERROR_CODE, "")
        start = have if resumed else 0
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if length.isdecimal() else expected.bytes
        done = start
        # requests' own errors are OSErrors too, so that only what writes is inside.
        with writing(part, DownloadError):
            stream = part.open("ab" if start else "wb", buffering=0)
        with stream:
            for piece in response.iter_content(_PIECE):
                with writing(part, DownloadError, fix=_RESUMES):
                    _write(stream, piece)
                done += len(piece)
                if expected.bytes is not None and done > expected.bytes:
                    break
                if progress is not None:
                    progress(url.rsplit("/", 1)[-1], done, total)
    # urllib3 raises for a short body; this covers a transport that does not.
    if total is not None and done < total:
        raise requests.ConnectionError(f"cut off after {done} of {total} bytes")
    return 200, ""


@contextmanager
def _response(url: str, headers: Mapping[str, str]) -> Iterator[requests.Response]:
    """Yield the response after ``url``'s redirects, each of which is checked to be https.

    requests would follow a redirect before its address could be checked. A token for the hub goes
    to the hub alone.
    """
    import requests

    asked = request_address(url)
    with requests.Session() as session:
        for _ in range(REDIRECTS + 1):
            _check_address(asked)
            with session.get(
                asked,
                headers={**headers, **token_headers(url, asked)},
                stream=True,
                timeout=TIMEOUT,
                allow_redirects=False,
            ) as response:
                target = session.get_redirect_target(response)
                if target is None:
                    yield response
                    return
            asked = urljoin(asked, target)
    raise DownloadError(f"more than {REDIRECTS} redirects", where=url)


def _write(stream: io.FileIO, piece: bytes) -> None:
    """Write all of ``piece``, without a buffer whose rest would be written when it is closed."""
    rest = memoryview(piece)
    while rest:
        rest = rest[stream.write(rest) :]


def _split(url: str) -> SplitResult:
    with parsing(url, DownloadError, what="is not an address"):
        address = urlsplit(url)
        _ = address.port  # raises ValueError for one that cannot be
    return address


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except RuntimeError as error:  # Python up to 3.12 raises it for a circle of links
        raise OSError(f"links that lead in a circle: {path}") from error


def _check_address(url: str) -> None:
    address = _split(url)
    # Parsers of addresses disagree where a host ends that has a backslash in it.
    if "\\" in address.netloc:
        raise DownloadError("is not an address", where=url, fix="write %5C for a backslash")
    if address.scheme == "https" and address.hostname:
        return
    if address.scheme == "http" and address.hostname in _LOOPBACK:
        return
    raise DownloadError("is not an https address", where=url)


@contextmanager
def _discard_on_mismatch(part: Path, pinned_before: bool) -> Iterator[None]:
    try:
        yield
    except DigestError as error:
        part.unlink(missing_ok=True)
        raise DigestError(
            error.what,
            where=error.where,
            # Not to remove one address there: the file has a digest of its content.
            fix=f"the file changed since --trust-first pinned it: if you expected that, delete "
            f"{paths.lock_file()} and use --trust-first again, for every file that it was used for"
            if pinned_before
            else "the file is not the published one and was not kept: try again later, or set "
            f"{paths.MIRROR_VARIABLE} to a folder that has it",
        ) from None


def _copy(source: Path, part: Path) -> None:
    with parsing(source, DownloadError):
        check_is_file(source)
        with source.open("rb") as stream:
            stream.read(1)
    with writing(part, DownloadError), atomic_path(part) as temporary:
        shutil.copyfile(source, temporary)


def _move(part: Path, target: Path) -> None:
    with writing(target, DownloadError):
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("rb") as stream:
            os.fsync(stream.fileno())
        os.replace(part, target)
