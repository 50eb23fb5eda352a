"""Run the command line in the test's process, which is faster than starting another."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import warnings
from pathlib import Path
from unittest import mock

from elmobench.cli import main


def elmobench(
    *arguments: object, stdin: bytes = b"", cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """What ``elmobench`` with ``arguments`` prints and returns."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    status: object = 0
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, {"COLUMNS": "200", **environment}))
        stack.enter_context(mock.patch.object(sys, "argv", ["elmobench", *map(str, arguments)]))
        stack.enter_context(mock.patch.object(warnings, "formatwarning", warnings.formatwarning))
        stdin_text = io.TextIOWrapper(io.BytesIO(stdin), "utf-8")
        stack.enter_context(mock.patch.object(sys, "stdin", stdin_text))
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        if cwd is not None:
            stack.enter_context(contextlib.chdir(cwd))
        try:
            main.run()
        except SystemExit as end:
            status = end.code or 0
    texts = [stream.buffer.getvalue().decode("utf-8") for stream in (out, err)]  # type: ignore[attr-defined]
    assert isinstance(status, int)
    return subprocess.CompletedProcess(list(arguments), status, *texts)
