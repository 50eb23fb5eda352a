"""Options that several ``elmobench pretrain`` commands share, each defined once."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from elmobench.cli.options import IncludeOption

CorpusOption = Annotated[
    list[Path],
    typer.Option(
        "--corpus",
        help="Text, or .gz, .xz, .bz2: one sentence per line (or see --tokenizer). "
        "May be given again.",
    ),
]
TokenizerOption = Annotated[
    str | None,
    typer.Option(
        help="For raw paragraphs, one per line: whitespace, words or clitics. "
        "[default: one sentence per line, tokens separated by blanks or tabs]"
    ),
]
ThreadsOption = Annotated[int, typer.Option(min=1, max=1024, help="Torch threads.")]


def _device(value: str) -> str:
    if re.fullmatch(r"auto|cpu|cuda(:[0-9]{1,3})?", value) is None:
        raise typer.BadParameter("use auto, cpu, cuda or cuda:N")
    return value


DeviceOption = Annotated[
    str,
    typer.Option(
        callback=_device,
        help="cpu, cuda, cuda:N, or auto for a GPU if there is one. A training resumes on the kind "
        "of device where it began.",
    ),
]


def _a_number(value: float) -> float:
    if math.isnan(value):  # which no bound excludes
        raise typer.BadParameter("not a number")
    return value


MinutesOption = Annotated[
    float,
    typer.Option(min=0, max=1e6, callback=_a_number, help="Minutes between checkpoints."),
]
TrackingOption = Annotated[
    str | None,
    typer.Option(
        help="MLflow store or server [default: SQLite in the model's folder]; 'none' turns "
        "tracking off."
    ),
]
OverlapOption = Annotated[
    bool, typer.Option(help="Report how much of every task's dev and test set is in the text.")
]


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Options of the commands that train one model; parameter names are the option names."""

    corpus: CorpusOption
    out: Annotated[Path, typer.Option("--out", help="Folder for checkpoints and the model.")]
    tokenizer: TokenizerOption = None
    options: Annotated[
        Path | None, typer.Option(help="Options in YAML or JSON [default: the shipped model's].")
    ] = None
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Another value for an option, NAME=VALUE.")
    ] = None
    name: Annotated[
        str | None, typer.Option(help="Name of the model [default: the folder's name].")
    ] = None
    threads: ThreadsOption = 2
    device: DeviceOption = "cpu"
    overlap: OverlapOption = True
    include: IncludeOption = None
    tracking_uri: TrackingOption = None
    licence: Annotated[str, typer.Option(help="Licence of the weights, for the model card.")] = (
        "not stated"
    )
    attribution: Annotated[str, typer.Option(help="Attribution for the training text.")] = (
        "not stated"
    )


def with_train_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command(shared, *, …)`` the options of :class:`TrainOptions` besides its own.

    Returns:
        A function that typer reads like one with all these parameters written out.
    """
    own = list(inspect.signature(command).parameters.values())[1:]

    def typer_command(**values: Any) -> None:
        own_values = {parameter.name: values.pop(parameter.name) for parameter in own}
        command(TrainOptions(**values), **own_values)

    hints = get_type_hints(TrainOptions, include_extras=True)
    hints |= get_type_hints(command, include_extras=True)
    parameters = [
        parameter.replace(annotation=hints[parameter.name])
        for parameter in [*inspect.signature(TrainOptions).parameters.values(), *own]
    ]
    typer_command.__doc__ = command.__doc__
    typer_command.__name__ = command.__name__
    typer_command.__annotations__ = {
        parameter.name: parameter.annotation for parameter in parameters
    }
    typer_command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return typer_command
