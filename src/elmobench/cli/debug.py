"""``--debug``: print the traceback of an error."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

VARIABLE = "ELMOBENCH_DEBUG"
OPTION = "--debug"
_OFF = ("", "0", "no", "false", "off")


@dataclass(frozen=True)
class Debug:
    """Whether tracebacks are printed, and the command line without ``--debug``.

    Attributes:
        on: whether tracebacks are printed.
        arguments: what is left for the command.
    """

    on: bool
    arguments: list[str]

    @classmethod
    def of(cls, arguments: Sequence[str]) -> Debug:
        """Look for ``--debug`` before or after the command, but not behind ``--``.

        >>> Debug.of(["list", "--debug", "tasks"])
        Debug(on=True, arguments=['list', 'tasks'])
        >>> Debug.of(["predict", "CELL", "--", "--debug"]).arguments
        ['predict', 'CELL', '--', '--debug']
        """
        end = arguments.index("--") if "--" in arguments else len(arguments)
        options = [one for one in arguments[:end] if one != OPTION]
        by_variable = os.environ.get(VARIABLE, "").lower() not in _OFF
        return cls(by_variable or len(options) < end, [*options, *arguments[end:]])
