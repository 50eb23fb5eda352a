"""The command line: one module per command.

Heavy imports happen inside the commands, so that ``elmobench --help`` is quick.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

import typer

from elmobench.cli import (
    claims,
    compare,
    data,
    doctor,
    encode,
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
    show,
    slices,
    ui,
)
from elmobench.cli import validate as validation
from elmobench.cli.help_format import PanelGroup

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
        "render": render.render,
        "ui": ui.ui,
    },
    "Data": {
        "data": data.app,
        "new": new.app,
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
) -> None:
    pass


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def run() -> None:
    """Run the command line: the entry point of the package.

    An ElmobenchError or OSError is printed without a traceback, and the exit status is 1.
    """
    import warnings

    from elmobench.core.errors import ElmobenchError

    warnings.formatwarning = lambda message, *_: f"warning: {message}\n"
    # Schedulers send SIGTERM. Treat it as Ctrl-C: workers stop, and finished work is kept.
    previous_handler = signal.signal(signal.SIGTERM, _interrupt)
    try:
        app()
    except ElmobenchError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        # The reader of our output has closed it (`elmobench list | head`): not an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"error: {place}{error.strerror or error}", file=sys.stderr)
        sys.exit(1)
    except SystemExit as end:
        if end.code == 130:  # the exit status of Typer on Ctrl-C
            print(
                "interrupted: finished work is kept; run the same command again to continue",
                file=sys.stderr,
            )
        raise
    finally:
        signal.signal(signal.SIGTERM, previous_handler or signal.SIG_DFL)
