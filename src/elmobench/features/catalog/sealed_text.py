"""Text files (YAML, Markdown) whose last line is the digest of the lines above it.

Both lines that are added are comments in YAML, so that any reader can read the file.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from elmobench.core.errors import ConfigError, ElmobenchError
from elmobench.core.parsing import read_text

_FIRST = "# Its last line is the digest of the lines above.\n"
_LAST = "# sha256: "
_SEALED = re.compile(r"# sha256: [0-9a-f]{64}\n?\Z")


def seal_text(text: str) -> str:
    r"""Return ``text`` between a first line that announces the digest and a last line with it.

    >>> print(seal_text("a: 1\n"), end="")
    # Its last line is the digest of the lines above.
    a: 1
    # sha256: a4f326dc770bec742ca0f8baedf653d1a4256547330ab945d8ee64e1047c4739
    """
    content = _FIRST + text + ("" if text.endswith("\n") else "\n")
    return f"{content}{_LAST}{_digest(content)}\n"


def is_sealed(path: Path) -> bool:
    """Whether a file begins as :func:`seal_text` writes it."""
    with path.open("rb") as stream:
        return stream.read(len(_FIRST)) == _FIRST.encode()


def read_sealed_text(
    path: Path, error: type[ElmobenchError] = ConfigError, *, fix: str | None = None
) -> str:
    """The text of a file, after checking its digest if it has one of the two lines.

    Files of earlier versions and of people have neither, and are read as they are.

    Args:
        path: the file.
        error: the class to raise.
        fix: what the user can do about damage.

    Raises:
        ElmobenchError: of the class ``error``, if the file cannot be read, is not UTF-8, or does
            not have the digest that it states.
    """
    text = read_text(path, error, fix=fix)
    seal = _SEALED.search(text)
    if seal is None and not text.startswith(_FIRST):
        return text
    if seal is None or seal.group().strip() != _LAST + _digest(text[: seal.start()]):
        advice = "if you changed it yourself, remove its first and its last line"
        raise error(
            "is damaged or was edited: it does not have the digest of its last line",
            where=str(path),
            fix=advice if fix is None else f"{fix}; {advice}",
        )
    return text


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
