"""Text for a shell: paths in commands that are shown to be copied."""

from __future__ import annotations

import shlex
from pathlib import Path


def shell_path(path: Path) -> str:
    """``path`` as an argument of a command: quoted if it must be, and never like an option.

    >>> shell_path(Path("my results")), shell_path(Path("-r"))
    ("'my results'", './-r')
    """
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)
