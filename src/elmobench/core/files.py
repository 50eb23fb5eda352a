"""Writing files so that a reader sees the old content or the new one, never half of it."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from safetensors import SafetensorError

from elmobench.core.errors import ElmobenchError
from elmobench.core.parsing import reason

OTHER_HOST_SECONDS = 24 * 3600.0
"""Age after which a temporary file of another machine is taken for a left-over."""

MAKE_ROOM = "make room on the disk, or choose another folder, and give the command again"
"""What a user can do about a file that cannot be written, if there is nothing more specific."""

_HOST = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]
_TEMPORARY = re.compile(r"\..+\.([0-9a-f]{8})-([0-9]{1,10})-[0-9a-f]{8}\.part", re.DOTALL)


@contextmanager
def atomic_path(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Yield a temporary path next to ``path``; on success sync it and rename it into place.

    On any error the temporary file is removed and ``path`` is untouched. A process that is killed
    leaves its temporary file; its name states machine and process, and :func:`remove_leftovers`
    removes it later.

    Args:
        path: the final path.
        private: put the temporary file into a temporary folder of its own, for libraries that
            create further files beside the one that they write (safetensors does).

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    own = temporary_path(path)
    try:
        if private:
            own.mkdir()
        temporary = own / path.name if private else own
        # Created like any other file, so that the umask decides who may read it.
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        mode = temporary.stat().st_mode & 0o777
        yield temporary
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.chmod(mode)  # some libraries replace it by a file that only its owner can read
        os.replace(temporary, path)
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)  # a write to an open file, as on a full disk, names none
        raise
    finally:
        _remove(own)


def temporary_path(path: Path) -> Path:
    """A new name next to ``path`` for a temporary file or folder of this process.

    Nothing is created. If the process is killed, :func:`remove_leftovers` removes it.
    """
    token = f"{_HOST}-{os.getpid()}-{secrets.token_hex(4)}"
    return path.parent / f".{path.name}.{token}.part"


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def remove_leftovers(folder: Path, name: str = "*", *, deep: bool = False) -> list[Path]:
    """Remove what :func:`atomic_path` and :func:`temporary_path` named, if its process has ended.

    A file of this machine is a left-over when its process is gone; one of another machine, whose
    processes cannot be seen from here, when it was not written to for :data:`OTHER_HOST_SECONDS`.

    Args:
        folder: where to look; need not exist.
        name: pattern for the final names, such as ``*.json``.
        deep: look in all folders below as well.

    Returns:
        What was removed.
    """
    removed = []
    pattern = f".{name}.*.part"
    for path in sorted(folder.rglob(pattern) if deep else folder.glob(pattern)):
        match = _TEMPORARY.fullmatch(path.name)
        if match is not None and _is_abandoned(path, match[1], int(match[2])):
            _remove(path)
            removed.append(path)
    return removed


def _is_abandoned(path: Path, host: str, process: int) -> bool:
    if host == _HOST:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        except (PermissionError, OverflowError):
            return False  # somebody else's process, or no number of a process
        return False
    try:
        return time.time() - path.stat().st_mtime > OTHER_HOST_SECONDS
    except FileNotFoundError:
        return False


def aside_path(path: Path) -> Path:
    """The name under which a damaged file or folder is kept: ``NAME.damaged-1``, ``-2``, ….

    It is the first of these that is free, so that nothing that was kept before is lost.
    """
    for number in itertools.count(1):
        aside = path.with_name(f"{path.name}.damaged-{number}")
        if not os.path.lexists(aside):
            break
    return aside


def put_aside(path: Path) -> Path:
    """Rename a damaged file as :func:`aside_path` says; returns its new path."""
    aside = aside_path(path)
    os.replace(path, aside)
    return aside


@contextmanager
def writing(
    path: Path,
    error: type[ElmobenchError] = ElmobenchError,
    *,
    fix: str = MAKE_ROOM,
) -> Iterator[None]:
    """Turn a failure to write ``path`` inside the block, as on a full disk, into ``error``.

    >>> with writing(Path("/dev/full")), open("/dev/full", "w") as stream:
    ...     _ = stream.write("text")
    Traceback (most recent call last):
        ...
    elmobench.core.errors.ElmobenchError: /dev/full: cannot be written: No space left on device
      -> make room on the disk, or choose another folder, and give the command again
    """
    try:
        yield
    except (OSError, SafetensorError) as raised:
        said = raised.strerror if isinstance(raised, OSError) else None
        where = str(path if said is None else _refused(raised, path))
        raise error(
            f"cannot be written: {said or reason(raised)}", where=where, fix=fix
        ) from raised


def _refused(error: Exception, path: Path) -> Path:
    """The file in the folder ``path`` that the system refused; ``path`` if it names none."""
    for name in (getattr(error, "filename2", None), getattr(error, "filename", None)):
        if isinstance(name, str) and not _TEMPORARY.fullmatch(Path(name).name):
            named = Path(name)
            if path in named.parents:
                return named
    return path


@contextmanager
def locked(
    lock: Path, error: type[ElmobenchError], *, where: Path, fix: str = MAKE_ROOM
) -> Iterator[None]:
    """Hold the file lock ``lock``, in a folder that is made if need be.

    Args:
        lock: the file; it stays, and the lock ends with the process.
        error: the class to raise.
        where: what the lock is for, for the error.
        fix: what the user can do.

    Raises:
        ElmobenchError: of the class ``error``, if the lock file cannot be written.
    """
    with writing(where, error, fix=fix):
        lock.parent.mkdir(parents=True, exist_ok=True)
        held = FileLock(lock)
        held.acquire()
    try:
        yield
    finally:
        held.release()


def write_bytes(path: Path, data: bytes) -> None:
    """Atomically write ``data``."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Atomically write ``text`` as UTF-8."""
    write_bytes(path, text.encode("utf-8"))
