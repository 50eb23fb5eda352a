import hashlib
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from running import running

from elmobench.core import paths
from elmobench.core.errors import DigestError, DownloadError
from elmobench.data.download import cache as downloads
from elmobench.data.download.cache import cache_path, fetch, mirrored
from elmobench.data.download.pins import pinned_below

CONTENT = bytes(range(256)) * 2000
SHA = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Follows a script of one entry per request; after its end, serves the file normally."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[str] = []
        self.content = CONTENT
        self.ranges: list[str | None] = []
        self.ignores_ranges = False
        self.requests: list[str] = []
        self.changes = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/folder/file.bin"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.ranges.append(wanted)
        self.server.requests.append(self.path)
        act = self.server.script.pop(0) if self.server.script else "whole"
        if act.isdigit():
            self.send_error(int(act))
            return
        if act.startswith(("http", "/")):
            self.send_response(302)
            self.send_header("Location", act)
            self.end_headers()
            return
        content, start = self.server.content, 0
        if self.server.changes:
            self.server.content = b"another" + content
        if wanted and not self.server.ignores_ranges:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            shown = 0 if act == "wrong-range" else start
            self.send_header("Content-Range", f"bytes {shown}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        body = content[start:]
        self.wfile.write(body[: len(body) // 2] if act == "cut" else body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with running(Server()) as server:
        yield server


def kept() -> list[Path]:
    """Every file in the cache folder that is not a lock."""
    folder = paths.home()
    return [p for p in folder.rglob("*") if p.is_file() and p.suffix != ".lock"]


def starts_at(wanted: str | None) -> int:
    return 0 if wanted is None else int(wanted.removeprefix("bytes=").removesuffix("-"))


def quick(url: str, **known):
    waits: list[float] = []
    path = fetch(url, sleep=waits.append, **known)
    return path, waits


def test_a_file_is_fetched_once_and_kept_by_its_digest(server: Server):
    path, waits = quick(server.url, sha256=SHA, bytes=len(CONTENT))
    assert path == cache_path(SHA) == paths.data_cache() / SHA[:2] / SHA
    assert path.read_bytes() == CONTENT
    assert quick(server.url, sha256=SHA)[0] == path
    assert len(server.ranges) == 1
    assert waits == []
    assert kept() == [path]


def test_a_git_blob_id_is_enough_and_equals_git_s(server: Server, tmp_path: Path):
    server.content = b"some text\n"
    (tmp_path / "f").write_bytes(server.content)
    blob = subprocess.run(
        ["git", "hash-object", str(tmp_path / "f")], capture_output=True, text=True, check=True
    ).stdout.strip()
    path, _ = quick(server.url, git_blob_sha1=blob)
    assert path.read_bytes() == server.content
    server.content = b"other text"
    with pytest.raises(DigestError):
        quick(server.url + "2", git_blob_sha1="1" * 40)


def test_progress_is_reported(server: Server):
    seen: list[tuple[str, int, int | None]] = []
    fetch(server.url, sha256=SHA, progress=lambda *row: seen.append(row))
    assert seen[-1] == ("file.bin", len(CONTENT), len(CONTENT))
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)


def test_a_cut_download_resumes(server: Server):
    server.script = ["cut", "cut"]
    path, waits = quick(server.url, sha256=SHA)
    assert path.read_bytes() == CONTENT
    starts = [starts_at(wanted) for wanted in server.ranges]
    assert starts[0] == 0 < starts[1] < starts[2]
    # The partially received piece is requested again.
    assert starts[1] <= len(CONTENT) // 2
    assert waits == [1.0, 2.0]


def test_a_later_run_resumes_too(server: Server):
    server.script = ["cut", *["503"] * 4]
    with pytest.raises(DownloadError, match="gave up after 5 attempts"):
        quick(server.url, sha256=SHA)
    server.ranges.clear()
    assert quick(server.url, sha256=SHA)[0].read_bytes() == CONTENT
    assert [starts_at(wanted) > 0 for wanted in server.ranges] == [True]


def test_a_server_without_ranges_starts_again(server: Server):
    server.ignores_ranges = True
    server.script = ["cut"]
    assert quick(server.url, sha256=SHA)[0].read_bytes() == CONTENT


def test_a_server_that_answers_another_range_starts_again(server: Server):
    server.script = ["cut", "wrong-range"]
    assert quick(server.url, sha256=SHA)[0].read_bytes() == CONTENT
    assert server.ranges[-1] is None


def test_partial_files_longer_than_the_file_start_again(server: Server):
    server.script = ["cut", *["503"] * 4]
    with pytest.raises(DownloadError):
        quick(server.url, sha256=SHA)
    short = CONTENT[:100]
    part = next(p for p in kept() if p.suffix == ".part")
    server.content = short
    with pytest.raises(DigestError):
        quick(server.url, sha256=SHA)
    assert not part.exists()


def test_transient_errors_are_retried(server: Server):
    server.script = ["503", "429", "500"]
    path, waits = quick(server.url, sha256=SHA)
    assert path.read_bytes() == CONTENT
    assert waits == [1.0, 2.0, 4.0]


def test_404_is_final_and_keeps_nothing(server: Server):
    server.script = ["404"]
    with pytest.raises(DownloadError, match="404") as error:
        quick(server.url, sha256=SHA)
    assert server.url in str(error.value)
    assert len(server.ranges) == 1
    assert kept() == []


@pytest.mark.parametrize(
    "known",
    [
        {"sha256": "0" * 64},
        {"git_blob_sha1": "0" * 40},
        {"sha256": SHA, "git_blob_sha1": "0" * 40},
        {"sha256": SHA, "bytes": len(CONTENT) - 1},
        {"sha256": SHA, "bytes": len(CONTENT) + 1},
    ],
)
def test_other_content_is_refused_and_keeps_nothing(server: Server, known: dict):
    with pytest.raises(DigestError) as error:
        quick(server.url, **known)
    assert server.url in str(error.value)
    assert kept() == []


def test_a_damaged_cache_is_detected(server: Server):
    path, _ = quick(server.url, sha256=SHA)
    path.write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(DigestError, match="damaged") as error:
        quick(server.url, sha256=SHA)
    assert str(path) in str(error.value)


def test_an_unknown_digest_needs_trust_and_is_pinned(server: Server):
    with pytest.raises(DigestError, match="--trust-first"):
        quick(server.url)
    assert kept() == []
    assert server.ranges == []
    path, _ = quick(server.url, trust_first=True)
    assert path == cache_path(SHA)
    pins = pinned_below("")
    assert pins == {server.url: {"sha256": SHA, "bytes": len(CONTENT)}}
    # Now the digest is known without the option, and different content is an error.
    assert quick(server.url)[0] == path
    path.unlink()
    server.content = b"replaced"
    with pytest.raises(DigestError) as error:
        quick(server.url, trust_first=True)
    # What the message says to do works.
    assert f"delete {paths.lock_file()}" in str(error.value)
    paths.lock_file().unlink()
    assert quick(server.url, trust_first=True)[0].read_bytes() == b"replaced"


def test_unpinned_downloads_never_resume_partial_files(server: Server):
    server.script = ["cut", *["503"] * 4]
    with pytest.raises(DownloadError):
        quick(server.url, trust_first=True)
    server.ranges.clear()
    server.content = b"a new version"
    assert quick(server.url, trust_first=True)[0].read_bytes() == b"a new version"
    assert server.ranges == [None]


@pytest.mark.parametrize(
    "url",
    ["http://example.org/x", "ftp://example.org/x", "file:///etc/passwd", "https:///x", "x.txt"],
)
def test_only_https(url: str):
    with pytest.raises(DownloadError, match="not an https address"):
        fetch(url, sha256=SHA)


def test_a_redirect_cannot_leave_https(server: Server):
    # The same server under a name that is not in the list of loopback names.
    server.script = [server.url.replace("127.0.0.1", "0.0.0.0")]
    with pytest.raises(DownloadError, match="not an https address"):
        quick(server.url, sha256=SHA)
    # Refused before any request.
    assert len(server.ranges) == 1
    assert [p for p in kept() if p.suffix != ".part"] == []


def test_redirects_are_followed_up_to_a_limit(server: Server):
    server.script = [server.url + "/a", "/b?c=d", server.url]
    path, waits = quick(server.url, sha256=SHA)
    assert path.read_bytes() == CONTENT
    assert server.requests == [
        "/folder/file.bin",
        "/folder/file.bin/a",
        "/b?c=d",
        "/folder/file.bin",
    ]
    assert waits == []
    server.script = [server.url] * 50
    with pytest.raises(DownloadError, match="more than 10 redirects"):
        quick(server.url + "2", sha256="0" * 64)
    assert len(server.requests) == 4 + 11


def test_a_redirected_download_resumes(server: Server):
    server.script = ["cut", server.url]
    assert quick(server.url, sha256=SHA)[0].read_bytes() == CONTENT
    assert [starts_at(wanted) > 0 for wanted in server.ranges] == [False, True, True]


def test_two_first_trusts_at_once_agree(server: Server, monkeypatch: pytest.MonkeyPatch):
    """The second one waits for the first and then uses its pin."""
    entered, paths_fetched = threading.Barrier(2), []
    real = downloads.expected_of

    def both_see_no_pin(*args, **known):
        answer = real(*args, **known)
        if not entered.broken and threading.get_ident() not in seen:
            seen.add(threading.get_ident())
            entered.wait(20)
        return answer

    seen: set[int] = set()
    monkeypatch.setattr(downloads, "expected_of", both_see_no_pin)
    server.changes = True
    threads = [
        threading.Thread(
            target=lambda: paths_fetched.append(quick(server.url, trust_first=True)[0])
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(server.ranges) == 1
    assert paths_fetched == [cache_path(SHA)] * 2
    pins = pinned_below("")
    assert pins[server.url]["sha256"] == SHA


def test_a_full_disk_is_an_error_and_the_download_resumes(server: Server):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Stands for a disk with room for so many bytes of a file; Python ignores the signal.
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        with pytest.raises(DownloadError, match=r"cannot be written: .*\n.*it resumes") as error:
            quick(server.url, sha256=SHA)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert ".part" in str(error.value.where)
    path, _ = quick(server.url, sha256=SHA)
    assert path.read_bytes() == CONTENT
    assert [starts_at(wanted) for wanted in server.ranges] == [0, 200_000]
    assert kept() == [path]


def test_a_cache_that_cannot_be_written_is_an_error(server: Server):
    paths.home().mkdir(parents=True, exist_ok=True)
    paths.data_cache().write_text("a file where the folder should be")
    with pytest.raises(DownloadError, match=paths.HOME_VARIABLE):
        quick(server.url, sha256=SHA)


def test_what_is_cached_needs_no_folder_that_can_be_written(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    path, _ = quick(server.url, sha256=SHA)

    def no_lock(*_: object, **__: object) -> None:
        raise AssertionError("a lock file is written")

    monkeypatch.setattr(downloads, "locked", no_lock)
    assert quick(server.url, sha256=SHA)[0] == path


def test_temporary_files_of_a_killed_copy_are_removed(tmp_path: Path, monkeypatch):
    (tmp_path / "example.org").mkdir()
    (tmp_path / "example.org" / "x").write_bytes(CONTENT)
    monkeypatch.setenv(paths.MIRROR_VARIABLE, str(tmp_path))
    code = (
        "import os, shutil; from elmobench.data.download.cache import fetch; "
        "shutil.copyfile = lambda *_: os._exit(9); "
        f"fetch('https://example.org/x', sha256='{SHA}')"
    )
    killed = subprocess.run([sys.executable, "-c", code], check=False)
    assert killed.returncode == 9
    assert [path.suffix for path in kept()] == [".part"]
    path = fetch("https://example.org/x", sha256=SHA)
    assert kept() == [path]


@pytest.mark.parametrize(
    "url", ["https://[::1", "https://a:99999999/x", "https://a\u2100b/x", "https://a]/x"]
)
def test_what_is_no_address_is_an_error(url: str, tmp_path: Path):
    with pytest.raises(DownloadError, match="is not an"):
        fetch(url, sha256=SHA)
    with pytest.raises(DownloadError, match="is not an"):
        mirrored(url, tmp_path)


@pytest.mark.parametrize("what", ["folder", "link", "pipe"])
def test_something_else_in_place_of_a_cached_file_is_named(what: str) -> None:
    path = cache_path(SHA)
    path.parent.mkdir(parents=True, exist_ok=True)
    make = {
        "folder": path.mkdir,
        "link": lambda: path.symlink_to("nowhere"),
        "pipe": lambda: os.mkfifo(path),
    }
    make[what]()
    for call in (
        lambda: fetch("https://example.org/x", sha256=SHA),
        lambda: downloads.checked_copy(
            "https://example.org/x", downloads.expected_of("", sha256=SHA)
        ),
    ):
        with pytest.raises(DownloadError, match=f"{SHA}: is not a file") as caught:
            call()
        assert str(path) in str(caught.value)
