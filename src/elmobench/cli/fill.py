"""``elmobench fill``: a text whose numbers come from records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def fill(
    template: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="A text with places for numbers: NAME.in"),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Where to write it [default: NAME, beside the template]")
    ] = None,
) -> None:
    """Fill the numbers, tables and drawings of records into a text of your own.

    In the text, {{ results("folder").score("ner/wnut17", "elmo-mini") }} becomes the score; the
    folder is looked up beside the template. The documentation tells what else can be asked.
    """
    from rich.console import Console

    from elmobench.analysis.report.template.render import SUFFIX
    from elmobench.analysis.report.template.render import fill as filled_in
    from elmobench.core.errors import ConfigError
    from elmobench.core.files import write_text

    if out is None:
        if template.suffix != SUFFIX:
            raise ConfigError(
                f"the name does not end in {SUFFIX}",
                where=str(template),
                fix="say where to write the text: --out FILE",
            )
        out = template.with_suffix("")
    console = Console(stderr=True)
    with console.status("comparing"):
        filled = filled_in(template)
    paths = [out, *(out.parent / name for name in filled.drawings)]
    for path, text in zip(paths, [filled.text, *filled.drawings.values()], strict=True):
        write_text(path, text)
    typer.echo("written: " + ", ".join(map(str, paths)))
