"""The command line: one module per command.

Heavy imports happen inside the commands, so that ``elmobench --help`` is quick.
"""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Callable
from functools import partial

import typer

from elmobench.cli import (
    board,
    claims,
    compare,
    completion,
    data,
    doctor,
    encode,
    export,
    features,
    inspect,
    listing,
    models,
    new,
    predict,
    pretrain,
    reference,
    render,
    report,
    results,
    run_experiment,
    schema,
    score,
    show,
    slices,
    track,
    ui,
)
from elmobench.cli import validate as validation
from elmobench.cli.debug import Debug
from elmobench.cli.faults import describe_os_error, report_fault
from elmobench.cli.help_format import PanelGroup
from elmobench.cli.interrupts import INTERRUPTED, Interrupts
from elmobench.cli.streams import CLOSED_PIPE, OutputStreams, say

HELP = """Examples:

\b
  elmobench run demo                                    train and score
  elmobench list tasks                                  what can be run
  elmobench compare elmo-mini glove-mini --in demo      which is better?

Compare frozen word representations (static vectors, ELMo, BERT) on language
tasks. `elmobench COMMAND --help` describes a command.
"""

app = typer.Typer(
    name="elmobench",
    cls=PanelGroup,
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

COMMANDS: dict[str, dict[str, Callable[..., None] | typer.Typer]] = {
    "Run experiments": {
        "list": listing.list_,
        "show": show.show,
        "validate": validation.validate,
        "run": run_experiment.run,
    },
    "Look at results": {
        "report": report.report,
        "compare": compare.compare,
        "claims": claims.claims,
        "slices": slices.slices,
        "predict": predict.predict,
        "score": score.score,
        "board": board.board,
        "render": render.render,
        "export": export.export,
        "ui": ui.ui,
        "track": track.track,
    },
    "Data": {
        "data": data.app,
        "new": new.app,
        "schema": schema.schema,
    },
    "Models and vectors": {
        "models": models.app,
        "pretrain": pretrain.app,
        "inspect": inspect.inspect,
        "encode": encode.encode,
    },
    "Maintenance": {
        "doctor": doctor.doctor,
        "results": results.app,
        "features": features.app,
        "reference": reference.app,
        "completion": completion.completion,
    },
}
"""Commands and groups of commands, by the panel of ``elmobench --help`` that lists them."""

for _panel, _commands in COMMANDS.items():
    for _name, _command in _commands.items():
        if isinstance(_command, typer.Typer):
            app.add_typer(_command, name=_name, cls=PanelGroup, rich_help_panel=_panel)
        else:
            app.command(_name, rich_help_panel=_panel)(_command)
app.command("fill", hidden=True)(render.render)  # the former name


def _print_version(requested: bool) -> None:
    if requested:
        import elmobench

        typer.echo(elmobench.__version__)
        raise typer.Exit


@app.callback()
def _main(
    version: bool = typer.Option(
        False,
        "--version",
        callback=_print_version,
        is_eager=True,
        help="Print the version and exit.",
    ),
    debug: bool = typer.Option(
        False,
        "--debug",
        help="Print the traceback of an error; also after the command, or ELMOBENCH_DEBUG=1.",
    ),
) -> None:
    pass


def run(interrupts: Interrupts | None = None) -> None:
    """Run the command line, and exit.

    The exit status is 0, 1 after an error (printed without a traceback), 2 for a wrong command
    line, 130 after Ctrl-C, SIGTERM or SIGHUP, and 141 if the reader of the output has gone.

    Args:
        interrupts: handles signals already, and goes on; None to handle them until the command
            has ended.
    """
    import warnings

    warnings.formatwarning = lambda message, *_: f"warning: {message}\n"
    streams = OutputStreams()
    debug = Debug.of(sys.argv[1:])
    sys.excepthook = partial(report_fault, on_standard_error=debug.on)
    handler = interrupts or Interrupts()
    if interrupts is None:
        handler.install()
    status: int | None = None
    try:
        with handler:
            status = _run(handler, debug)
        if status is None:  # a library raised another error in place of KeyboardInterrupt
            status = _interrupted()
    finally:
        status_of_streams = streams.close()
        if interrupts is None:
            handler.restore()
    sys.exit(status or status_of_streams)


def _run(interrupts: Interrupts, debug: Debug) -> int:
    """Run the command; returns its exit status. Faults of the program are raised."""
    from elmobench.core.errors import ElmobenchError

    try:
        # Not `app()`, which has an excepthook of its own.
        command = typer.main.get_command(app)
        if completion.is_asked_for():
            completion.prepare(command)
        command(debug.arguments, prog_name="elmobench", complete_var=completion.VARIABLE)
    except (ElmobenchError, MemoryError, OSError) as error:
        if interrupts.received:
            return _interrupted()
        if debug.on and not isinstance(error, BrokenPipeError):
            say("".join(traceback.format_exception(error)).rstrip())
        return _explained(error)
    except KeyboardInterrupt:
        return _interrupted()
    except SystemExit as end:
        if _is_closed_pipe(end):
            return CLOSED_PIPE
        if end.code in (INTERRUPTED, signal.SIGTERM):  # the latter by Ray, while it starts
            return _interrupted()
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _explained(error: Exception) -> int:
    """Print an error of the user, the memory or the system; returns the exit status."""
    if isinstance(error, BrokenPipeError):
        return CLOSED_PIPE
    if isinstance(error, MemoryError):
        say(f"error: not enough memory{f': {error}' if str(error) else ''}")
        say("  -> use fewer workers, smaller batches or a larger machine; finished work is kept")
    elif isinstance(error, OSError):
        say(f"error: {describe_os_error(error)}")
    else:
        say(f"error: {error}")
    return 1


def _interrupted() -> int:
    # With `python -m`, Python ends by SIGINT itself if a KeyboardInterrupt once left the code of an
    # exec(), as in the definition of a dataclass, and not with our status. Any later exec() of a
    # text takes that back.
    exec("")
    say("interrupted: finished work is kept; run the same command again to continue")
    return INTERRUPTED


def _is_closed_pipe(end: SystemExit) -> bool:
    """Whether Typer or Rich ended the command because the reader of its output has gone.

    `elmobench list | head` is an example. Both exit with status 1 while they handle the error.
    """
    return isinstance(end.__context__, BrokenPipeError)
