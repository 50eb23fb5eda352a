"""``elmobench schema``: JSON Schema of files and of what ``--json`` prints."""

from __future__ import annotations

from typing import Annotated

import typer


def schema(
    name: Annotated[
        str,
        typer.Argument(
            metavar="SCHEMA",
            help="card, experiment, models or record; or the document of a command, such as "
            "compare or data-list.",
        ),
    ],
) -> None:
    """Print the JSON Schema (draft 2020-12) of a file, or of what --json prints.

    Editors check and complete a YAML file whose first line names the schema:
    # yaml-language-server: $schema=card.schema.json
    """
    import json

    from elmobench.bench.json_schemas import SCHEMAS
    from elmobench.cli.output.registry import OUTPUTS
    from elmobench.core.errors import UnknownNameError
    from elmobench.core.registry import did_you_mean

    if name in SCHEMAS:
        content = SCHEMAS[name]()
    elif name in OUTPUTS:
        content = OUTPUTS[name].json_schema()
    else:
        known = (*SCHEMAS, *OUTPUTS)
        raise UnknownNameError(f"no schema {name!r}", fix=did_you_mean(name, known))
    typer.echo(json.dumps(content, indent=2))
