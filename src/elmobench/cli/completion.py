"""``elmobench completion``: scripts that let a shell complete commands, options and names."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import typer
import typer.completion

from elmobench.api.names import KINDS
from elmobench.cli import completed_names as names
from elmobench.cli.export import FORMATS

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_ELMOBENCH_COMPLETE"
"""Environment variable by which the scripts ask for completions."""


def is_asked_for() -> bool:
    """Whether a shell asks for completions, instead of running a command."""
    return VARIABLE in os.environ


NAMES: dict[str, Callable[[Any, str], list[str]]] = {
    "CELL": names.cells,
    "CELL...": names.cells,
    "EXPERIMENT": names.experiments,
    "FORMAT": names.one_of(*FORMATS),
    "HEAD": names.heads,
    "SCHEMA": names.schemas,
    "KIND": names.one_of(*KINDS),
    "LEFT": names.models,
    "MODEL": names.models,
    "RESULTS": names.results,
    "RESULTS...": names.results,
    "RIGHT": names.models,
    "sentences NAME": names.tasks_or_experiments,
    "show NAME": names.shown,
    "SHELL": names.one_of(*SHELLS),
    "SPEC": names.models,
    "TASK": names.tasks,
    "TASK|EXPERIMENT": names.tasks_or_experiments,
}
"""Metavariable of an argument or option, if needed with its command -> its completions.

They are given the context of the command line and the first letters.
"""


@dataclass(frozen=True)
class _Item:
    """One completion, as Typer's shells format it."""

    value: str
    type: str = "plain"
    help: str | None = None


def prepare(command: Any) -> None:
    """Let Typer's scripts complete names: give each argument and option its completions.

    Commands only state what a value is, by its metavariable; see :data:`NAMES`.
    """
    typer.completion.completion_init()  # type: ignore[attr-defined]
    waiting = [command]
    while waiting:
        one = waiting.pop()
        waiting += getattr(one, "commands", {}).values()
        for parameter in one.params:
            kind = parameter.metavar or ""
            complete = NAMES.get(f"{one.name} {kind}") or NAMES.get(kind)
            if complete is not None:
                parameter.shell_complete = partial(_items, complete)


def _items(complete: Callable[[Any, str], list[str]], ctx: Any, incomplete: str) -> list[_Item]:
    return [_Item(value) for value in complete(ctx, incomplete)]


def completion(
    shell: Annotated[
        str,
        typer.Argument(
            metavar="SHELL",
            help=f"One of {', '.join(SHELLS)}.",
        ),
    ],
) -> None:
    """Print a script that lets a shell complete commands, options and names.

    For bash, put `eval "$(elmobench completion bash)"` into ~/.bashrc; for zsh, the same with zsh
    into ~/.zshrc after compinit; for fish, write the script to
    ~/.config/fish/completions/elmobench.fish.
    """
    if shell not in SHELLS:
        raise typer.BadParameter(f"one of: {', '.join(SHELLS)}", param_hint="SHELL")
    script = typer.completion.get_completion_script(  # type: ignore[attr-defined]
        prog_name="elmobench", complete_var=VARIABLE, shell=shell
    )
    typer.echo(script)
