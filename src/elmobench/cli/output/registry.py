"""All documents that commands print, by the name of their schema."""

from __future__ import annotations

from elmobench.cli.output import board, data, findings, models, names, results, store
from elmobench.cli.output.base import Output

_MODULES = (names, results, findings, board, data, models, store)

OUTPUTS: dict[str, type[Output]] = {
    kind.NAME.removeprefix("elmobench/"): kind
    for module in _MODULES
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Output) and kind.NAME
}
"""Name without ``elmobench/`` -> document."""

WITHOUT_JSON: dict[str, str] = {
    "ui": "starts a server",
    "completion": "prints a script for a shell",
    "schema": "prints JSON Schema",
    "pretrain bilm": "trains; the model's folder has the card and the log as JSON",
    "pretrain glove": "trains; the model's folder has the card and the log as JSON",
    "pretrain fasttext": "trains; the model's folder has the card and the log as JSON",
    "pretrain bert": "trains; the model's folder has the card and the log as JSON",
    "pretrain run": "trains; each model's folder has the card and the log as JSON",
    "pretrain domain": "trains and runs an experiment; `claims --json` has the outcomes",
}
"""Commands without ``--json``, and why. Every other command has it."""
