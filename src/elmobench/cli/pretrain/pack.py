"""``elmobench pretrain pack``: small copies of finished models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from elmobench.cli.options import JsonOption


def pack(
    models: Annotated[list[Path], typer.Argument(help="Folders of finished models.")],
    out: Annotated[Path, typer.Option("--out", help="Each model gets a folder below this one.")],
    as_json: JsonOption = False,
) -> None:
    """Small copies of finished models, to publish: weights in half precision, no checkpoints."""
    from elmobench.cli.output.base import print_json
    from elmobench.cli.output.models import PackedModel, PretrainPackOutput
    from elmobench.pretraining import packing

    packed = []
    for card in packing.pack(models, out):
        files = [file for file in (out / card.name).iterdir() if file.is_file()]
        size = sum(file.stat().st_size for file in files)
        folder = str(out / card.name)
        packed.append(PackedModel(model=card.name, folder=folder, bytes=size))
        if not as_json:
            typer.echo(f"{card.name}: {size / 1e6:.1f} MB in {out / card.name}")
    if as_json:
        print_json(PretrainPackOutput(models=packed))
        return
    typer.echo(f"with ELMOBENCH_MODELS={out} experiments can use them by these names")
