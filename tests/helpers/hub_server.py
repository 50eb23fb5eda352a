"""A server on loopback that plays the Hugging Face hub, or another host that has large files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from running import running


class HubServer(ThreadingHTTPServer):
    """Serves ``files`` by path; ``refusals`` by path are a status and an error code.

    Attributes:
        moved: paths that are redirected, and where to.
        token: what a request must carry; None for a public repository.
        requests: path and header Authorization of every request.
        cut: paths of which only the first half arrives, once.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.refusals: dict[str, tuple[int, str]] = {}
        self.moved: dict[str, str] = {}
        self.token: str | None = None
        self.requests: list[tuple[str, str | None]] = []
        self.cut: set[str] = set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: HubServer

    def do_GET(self) -> None:
        server, path = self.server, self.path
        server.requests.append((path, self.headers.get("Authorization")))
        if server.token is not None and server.requests[-1][1] != f"Bearer {server.token}":
            self._refuse(401, "GatedRepo")
        elif path in server.refusals:
            self._refuse(*server.refusals[path])
        elif path in server.moved:
            self.send_response(302)
            self.send_header("Location", server.moved[path])
            self.end_headers()
        elif path not in server.files:
            self._refuse(404, "EntryNotFound")
        else:
            self._send(server.files[path], path)

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, content: bytes, path: str) -> None:
        wanted = self.headers.get("Range") or "bytes=0-"
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        body = content[start:]
        if path in self.server.cut:
            self.server.cut.discard(path)
            body = body[: len(body) // 2]
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def hub_server() -> Iterator[HubServer]:
    """Run a server inside the block."""
    with running(HubServer()) as server:
        yield server
