"""The command line: one module a verb. Heavy imports happen inside the verbs."""

from __future__ import annotations

import os
import signal
import sys

import typer

from elmobench.cli import (
    claims,
    compare,
    data,
    doctor,
    encode,
    features,
    fill,
    inspect,
    listing,
    models,
    new,
    predict,
    pretrain,
    reference,
    report,
    run_experiment,
    show,
    slices,
    ui,
)
from elmobench.cli import validate as validation

app = typer.Typer(
    name="elmobench",
    help="Compare frozen word representations (static, ELMo, BERT) on language tasks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run")(run_experiment.run)
app.command("list")(listing.list_)
app.command("show")(show.show)
app.command("validate")(validation.validate)
app.command("report")(report.report)
app.command("claims")(claims.claims)
app.command("fill")(fill.fill)
app.command("compare")(compare.compare)
app.command("predict")(predict.predict)
app.command("slices")(slices.slices)
app.command("ui")(ui.ui)
app.command("encode")(encode.encode)
app.command("inspect")(inspect.inspect)
app.command("doctor")(doctor.doctor)
app.add_typer(data.app, name="data")
app.add_typer(features.app, name="features")
app.add_typer(models.app, name="models")
app.add_typer(reference.app, name="reference")
app.add_typer(new.app, name="new")
app.add_typer(pretrain.app, name="pretrain")


def _version(wanted: bool) -> None:
    if wanted:
        import elmobench

        typer.echo(elmobench.__version__)
        raise typer.Exit


@app.callback()
def _main(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    pass


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def run() -> None:
    """Entry point: errors made for people are printed without a traceback, status 1."""
    import warnings

    from elmobench.core.errors import ElmobenchError

    warnings.formatwarning = lambda message, *_: f"warning: {message}\n"
    # A scheduler that ends us politely is a Ctrl-C: workers stop, what is finished is kept.
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        app()
    except ElmobenchError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        # The reader of our output went away (`elmobench list | head`): no reason to complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"error: {place}{error.strerror or error}", file=sys.stderr)
        sys.exit(1)
    except SystemExit as end:
        if end.code == 130:  # how typer ends on Ctrl-C
            print("interrupted: what was finished is kept, run again to go on", file=sys.stderr)
        raise
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
