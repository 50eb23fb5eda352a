"""Things of a file system that are not files, in the place of one."""

from __future__ import annotations

import os
import socket
from contextlib import chdir
from pathlib import Path

OTHER_FILES = ("folder", "link", "pipe", "socket")


def make_other_file(path: Path, what: str) -> None:
    """Put one of :data:`OTHER_FILES` at ``path``, where nothing is; the link leads nowhere."""
    if what == "folder":
        path.mkdir()
    elif what == "link":
        path.symlink_to("nowhere")
    elif what == "pipe":
        os.mkfifo(path)
    else:
        assert what == "socket"
        # Names of sockets have at most 108 bytes.
        with chdir(path.parent), socket.socket(socket.AF_UNIX) as end:
            end.bind(path.name)
