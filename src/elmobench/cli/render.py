"""``elmobench render``: a text template whose numbers come from records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from elmobench.cli.options import JsonOption


def render(
    template: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="A text template: NAME.in"),
    ],
    out: Annotated[
        Path | None, typer.Option(help="The file to write [default: NAME, next to the template]")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Render a text of your own with numbers, tables and drawings from records.

    In the template, {{ results("folder").score("ner/wnut17", "elmo-mini") }} becomes the score; the
    folder is relative to the template. The documentation lists the other queries.
    """
    from rich.console import Console

    from elmobench.analysis.report.template.render import SUFFIX
    from elmobench.analysis.report.template.render import render as render_template
    from elmobench.cli.output.base import for_programs
    from elmobench.cli.output.findings import WrittenOutput
    from elmobench.core.errors import ConfigError
    from elmobench.core.files import write_text

    if out is None:
        if template.suffix != SUFFIX:
            raise ConfigError(
                f"the name does not end in {SUFFIX}",
                where=str(template),
                fix="name the file to write: --out FILE",
            )
        out = template.with_suffix("")
    console = Console(stderr=True)
    with console.status("comparing"):
        rendered = render_template(template)
    paths = [out, *(out.parent / name for name in rendered.drawings)]
    for path, text in zip(paths, [rendered.text, *rendered.drawings.values()], strict=True):
        write_text(path, text)
    output = WrittenOutput(files=list(map(str, paths)))
    if not for_programs(output, as_json=as_json):
        typer.echo("written: " + ", ".join(map(str, paths)))
