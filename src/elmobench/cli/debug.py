"""``--debug``: print the traceback of an error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from elmobench.core.debugging import tracebacks_wanted

OPTION = "--debug"


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
        wanted = len(options) < end or tracebacks_wanted()
        return cls(wanted, [*options, *arguments[end:]])
