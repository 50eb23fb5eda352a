"""Whether tracebacks of errors are wanted: ``ELMOBENCH_DEBUG``."""

from __future__ import annotations

import os

VARIABLE = "ELMOBENCH_DEBUG"
_OFF = ("", "0", "no", "false", "off")


def tracebacks_wanted() -> bool:
    """Whether the environment variable ``ELMOBENCH_DEBUG`` asks for tracebacks."""
    return os.environ.get(VARIABLE, "").lower() not in _OFF
