"""Small ELMo files, functions that damage them, and a loopback server for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from running import running

from elmobench.core import paths
from elmobench.features.elmo.options import parse_options
from elmobench.features.elmo.random_weights import random_arrays

TINY: dict[str, Any] = {
    "char_cnn": {
        "embedding": {"dim": 4},
        "filters": [[1, 4], [2, 6]],
        "n_highway": 2,
        "activation": "relu",
        "n_characters": 262,
        "max_characters_per_token": 50,
    },
    "lstm": {
        "dim": 200,  # files of several parts, so that a truncated download can be continued
        "projection_dim": 16,
        "n_layers": 2,
        "cell_clip": 3,
        "proj_clip": 3,
        "use_skip_connections": True,
    },
}


def write_elmo(folder: Path, seed: int = 0) -> tuple[Path, Path]:
    """``options.json`` and ``weights.hdf5`` of the tiny shape, 3 layers of 32 values."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "options.json").write_text(json.dumps(TINY))
    with h5py.File(folder / "weights.hdf5", "w") as file:
        for name, array in random_arrays(parse_options(TINY, "tiny"), seed).items():
            file.create_dataset(name, data=array)
    return folder / "options.json", folder / "weights.hdf5"


def write_keras(path: Path) -> None:
    """Write an HDF5 file as saved by Keras: valid, but not an ELMo."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = "2.1.6"
        group = file.create_group("model_weights/dense_1/dense_1")
        group.create_dataset("kernel:0", data=np.zeros((3, 4), np.float32))
        group.create_dataset("bias:0", data=np.zeros(4, np.float32))


class Server(ThreadingHTTPServer):
    """Serve a folder; ``script`` has one action per request: ``cut``, a status, or ``whole``."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.script: list[str] = []
        self.requests: list[tuple[str, int]] = []

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = self.path.lstrip("/")
        wanted = self.headers.get("Range") or "bytes=0-"
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        self.server.requests.append((name, start))
        act = self.server.script.pop(0) if self.server.script else "whole"
        file = self.server.folder / name
        if act.isdigit() or not file.is_file():
            self.send_error(int(act) if act.isdigit() else 404)
            return
        content = file.read_bytes()
        if start:
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        body = content[start:]
        self.wfile.write(body[: len(body) // 2] if act == "cut" else body)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Run the server inside the block."""
    with running(Server(folder)) as server:
        yield server


def kept() -> list[Path]:
    """Return all files in the caches except locks and the (possibly empty) list of pins."""
    return [
        path
        for path in paths.home().rglob("*")
        if path.is_file() and path.suffix != ".lock" and path != paths.lock_file()
    ]
