"""Make HTML pages that contain their style and script: templates, style sheets, escaped text."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

_SHARED = Path(__file__).parent
PALETTE = _SHARED / "palette.css"
"""Colours of all pages and drawings, light and dark."""


def environment(folder: Path) -> Environment:
    """An environment for the templates in ``folder``.

    It escapes all text, and an undefined name is an error. The filter ``code`` is
    :func:`code_spans`.
    """
    made = Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined)
    made.filters["code"] = code_spans
    return made


def style(own: Path) -> Markup:
    """The style sheet of a page: colours, what all pages share, then the file ``own``."""
    files = (PALETTE, _SHARED / "base.css", own)
    return Markup("".join(file.read_text("utf-8") for file in files))


def script(file: Path) -> Markup:
    """The content of a script, which may not contain the end of a script element."""
    return Markup(file.read_text("utf-8"))


def script_source(text: str) -> str:
    """The source expression that allows a script with exactly this text (CSP level 2).

    >>> script_source("")
    'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    """
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def code_spans(text: str) -> Markup:
    """Escape ``text`` and set what is between backticks as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    tags = (Markup("{}"), Markup("<code>{}</code>"))
    return Markup("").join(tags[i % 2].format(part) for i, part in enumerate(parts))
