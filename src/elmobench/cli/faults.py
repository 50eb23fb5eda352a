"""What is printed for errors that end a command: one short text, never a traceback."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tempfile
import traceback
from importlib import metadata
from pathlib import Path
from types import TracebackType

from elmobench.cli.streams import say

_FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
_NO_PERMISSION = (errno.EACCES, errno.EPERM, errno.EROFS)
_LITTLE_SPACE = 1 << 20
"""Bytes; a disk with less is taken for the full one."""


def describe_os_error(error: OSError) -> str:
    """What the operating system refused, for which file, and what to do about it."""
    names = [_shown(name) for name in (error.filename, error.filename2) if name is not None]
    text = error.strerror or str(error) or type(error).__name__
    if error.errno in _FULL_DISK:
        names = names or _full_disks()
        fix = "free space on that disk and run the same command again; finished work is kept"
    elif error.errno in _NO_PERMISSION:
        fix = "make it writable, or name another place (--help lists the options that do)"
    elif error.errno == errno.EMFILE:
        fix = "raise the limit of open files, for instance with `ulimit -n 4096`"
    else:
        fix = None
    line = f"{' -> '.join(names)}: {text}" if names else text
    return line if fix is None else f"{line}\n  -> {fix}"


def report_fault(
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
    on_standard_error: bool = False,
) -> None:
    """Say that this program is at fault; the traceback goes to a file. A ``sys.excepthook``.

    Args:
        kind, error, trace: what was raised.
        on_standard_error: print the traceback instead.
    """
    lines = "".join(traceback.format_exception(kind, error, trace))
    first = (str(error).strip().splitlines() or [""])[0][:200]
    say(f"error: this is a fault of elmobench: {kind.__name__}: {first}")
    name = None if on_standard_error else _written(lines)
    if name is None:
        say(lines)
        place = "the traceback is above"
    else:
        place = f"the traceback is in {name}"
    say(f"  -> {place}; please report it{_where_to_report()}, with the command")


def _written(lines: str) -> str | None:
    """Write a traceback to a temporary file; None if that is not possible."""
    try:
        handle, name = tempfile.mkstemp(prefix="elmobench-fault-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(f"{sys.argv}\n\n{lines}")
    except OSError:
        return None
    return name


def _where_to_report() -> str:
    try:
        addresses = metadata.metadata("elmobench").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return ""
    for address in addresses:
        label, _, url = str(address).partition(", ")
        if label == "Repository":
            return f" at {url}/issues"
    return ""


def _shown(name: object) -> str:
    return os.fsdecode(name) if isinstance(name, str | bytes | os.PathLike) else str(name)


def _full_disks() -> list[str]:
    """The folders of this command whose disks have no space left; an error may not name any."""
    from elmobench.core import paths

    full = []
    for folder in (Path.cwd(), Path(tempfile.gettempdir()), paths.home(), paths.feature_store()):
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        try:
            if shutil.disk_usage(folder).free < _LITTLE_SPACE and str(folder) not in full:
                full.append(str(folder))
        except OSError:
            continue
    return full[:1]
