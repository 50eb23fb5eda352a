"""Standard output and standard error that can print any text, and that may be closed by a reader.

A terminal, or a file that output is redirected to, may have an encoding other than UTF-8, and
text may hold lone surrogates: bytes of an argument that are not UTF-8. Neither ends a command.
"""

from __future__ import annotations

import codecs
import encodings.ascii
import io
import json
import os
import sys
from typing import Any

_HANDLER = "elmobench"
_ASCII = "elmobench-ascii"

CLOSED_PIPE = 141
"""Exit status if the reader of the output has gone: 128 and the number of SIGPIPE."""

_READABLE = {
    **{"–": "-", "−": "-", "—": "-", "…": "...", "·": ".", "×": "x", "±": "+/-", "∘": "o"},
    **{"✓": "ok", "✗": "failed", "→": "->", "←": "<-", "↑": "^", "↓": "v", "▲": "^", "▼": "v"},
    **{"△": "(^)", "▽": "(v)", "‡": "++", "†": "+", "²": "2", "³": "3", "µ": "u", "μ": "u"},
    **{"α": "alpha", "γ": "gamma", "λ": "lambda", "σ": "sigma", "Σ": "sum", "≥": ">=", "≤": "<="},
    **{"‘": "'", "’": "'", "“": '"', "”": '"', "\u00a0": " ", "•": "*"},
}
"""What stands for the signs of this program's own tables and messages."""


class OutputStreams:
    """Standard output and standard error of a command, which print any text.

    What their encoding lacks is printed as an escape or a similar sign. ASCII stays ASCII; without
    this, Typer would write UTF-8 where Python and Rich write ASCII.
    """

    def __init__(self) -> None:
        self._lacking: set[str] = set()
        codecs.register(_find_codec)
        codecs.register_error(_HANDLER, self._escape)
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is None:  # closed by the shell, as in `elmobench list >&-`
                setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
            elif isinstance(stream, io.TextIOWrapper):
                is_ascii = codecs.lookup(stream.encoding).name == "ascii"
                stream.reconfigure(encoding=_ASCII if is_ascii else None, errors=_HANDLER)

    def close(self) -> int:
        """Write what is buffered; returns the exit status that a failure asks for, or 0.

        What cannot be written is dropped, so that the end of the interpreter does not print a
        traceback.
        """
        status = 0
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BrokenPipeError:
                status = status or CLOSED_PIPE
                discard(stream)
            except (OSError, ValueError) as error:
                status = 1
                discard(stream)
                say(f"error: standard output: {getattr(error, 'strerror', None) or error}")
        if self._lacking:
            say(
                f"note: the encoding of the output ({', '.join(sorted(self._lacking))}) lacks some "
                "characters, which are escaped or replaced; PYTHONIOENCODING=utf-8 prints them"
            )
        return status

    def _escape(self, error: UnicodeError) -> tuple[str | bytes, int]:
        """Error handler: similar signs for those of our tables, Python's escapes for the rest."""
        if not isinstance(error, UnicodeEncodeError):
            raise error
        text = error.object[error.start : error.end]
        if any(not "\ud800" <= char <= "\udfff" for char in text):
            self._lacking.add("ascii" if error.encoding == _ASCII else error.encoding)
        return "".join(map(_similar, text)), error.end


def argument_text(value: str) -> str:
    """An argument of the command line that is text, decoded as UTF-8 whatever the locale is.

    Under an ASCII locale Python decodes arguments so that they fit file names again.

    Raises:
        DataError: the argument is not UTF-8.
    """
    from elmobench.core.errors import DataError
    from elmobench.core.quoting import quoted

    if all(not "\ud800" <= char <= "\udfff" for char in value):
        return value
    try:
        return os.fsencode(value).decode("utf-8")
    except ValueError as error:
        raise DataError(
            "is not UTF-8",
            where=f"the argument {quoted(value)}",
            fix="give it in UTF-8, or as lines of standard input in UTF-8",
        ) from error


def say(text: str) -> None:
    """Print a line on standard error, if it can still be read."""
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        discard(sys.stderr)


def discard(stream: Any) -> None:
    """Let everything that is written to ``stream`` from now on disappear."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
    except (OSError, ValueError):
        return  # a stream without a file, or one that is closed


def json_line(value: object) -> str:
    """``value`` as one line of JSON for standard output.

    Characters that the output's encoding lacks are escaped as JSON does, so that the line is
    valid and nothing is lost.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode(encoding, "strict")
    except UnicodeEncodeError:
        return json.dumps(value, ensure_ascii=True)
    return text


def _similar(char: str) -> str:
    if char in _READABLE:
        return _READABLE[char]
    if "\u2500" <= char <= "\u257f":  # lines of tables and bars
        return "-"
    if "\u2580" <= char <= "\u25ff" or "\u2800" <= char <= "\u28ff":  # blocks, spinners
        return "*"
    return char.encode("ascii", "backslashreplace").decode("ascii")


def _find_codec(name: str) -> codecs.CodecInfo | None:
    """ASCII under a name that Typer does not take for a mistake of the system's settings."""
    if name.replace("_", "-") != _ASCII:
        return None
    return codecs.CodecInfo(
        name=_ASCII,
        encode=codecs.ascii_encode,
        decode=codecs.ascii_decode,
        incrementalencoder=encodings.ascii.IncrementalEncoder,
        incrementaldecoder=encodings.ascii.IncrementalDecoder,
        streamwriter=encodings.ascii.StreamWriter,
        streamreader=encodings.ascii.StreamReader,
    )
