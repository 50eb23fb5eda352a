"""``elmobench models``: list, show and fetch models of the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from elmobench.cli.options import TrustFirstOption

if TYPE_CHECKING:
    from elmobench.features.catalog.inventory import ModelInfo
    from elmobench.features.provider import FeatureProvider

app = typer.Typer(no_args_is_help=True, help="List, show and download the models of the catalog.")


@app.command("list")
def list_(
    json_: Annotated[bool, typer.Option("--json", help="Print every field as JSON.")] = False,
) -> None:
    """List the models of the catalog and whether they can be used now.

    "needs --trust-first": the digest of a file was never published. "pinned": the file was
    downloaded and you have pinned its digest.
    """
    import json

    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from elmobench.features.catalog.catalog import ModelCatalog
    from elmobench.features.catalog.inventory import model_info

    catalog = ModelCatalog()
    infos = [model_info(catalog, name) for name in catalog.names()]
    if json_:
        typer.echo(json.dumps([info.row() for info in infos], indent=1))
        return
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    table.add_column("model", overflow="fold")
    table.add_column("kind", overflow="fold")
    table.add_column("params", no_wrap=True, justify="right")
    table.add_column("size", no_wrap=True, justify="right")
    table.add_column("state", no_wrap=True)
    table.add_column("licence", no_wrap=True, overflow="ellipsis")
    for info in infos:
        entry = info.entry
        table.add_row(
            escape(info.name),
            escape(entry.provider),
            _millions(entry.expect.parameters),
            _size(info.bytes) if info.files else "-",
            info.state,
            escape((entry.licence or "?").split(" (")[0]),
        )
    Console().print(table)


@app.command()
def show(
    name: Annotated[
        str, typer.Argument(metavar="MODEL", help="Name of a model, such as elmo-small.")
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Load it and check its digests, shapes and values.")
    ] = False,
) -> None:
    """Show a model's address, digests, licence, size and how to use it."""
    import yaml
    from rich.console import Console
    from rich.markup import escape

    from elmobench.features.catalog.catalog import ModelCatalog
    from elmobench.features.catalog.inventory import describe_model, model_info

    catalog = ModelCatalog(thorough=check)
    info = model_info(catalog, name)
    content = describe_model(info)
    if check:
        _require_local_files(info)
        content["loaded"] = _loaded(catalog.load(name))
    console = Console()
    console.print(f"[bold]model[/] {escape(name)}", highlight=False, soft_wrap=True)
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=78)
    console.print(text, markup=False, highlight=False, soft_wrap=True)


@app.command()
def fetch(
    names: Annotated[
        list[str], typer.Argument(metavar="MODEL", help="Names of models, such as elmo-small.")
    ],
    trust_first: TrustFirstOption = False,
) -> None:
    """Download models, check their digests and load each one to check its shape."""
    from elmobench.core.progress import download_progress
    from elmobench.features.catalog.catalog import ModelCatalog
    from elmobench.features.catalog.inventory import model_info

    catalog = ModelCatalog()
    before = {
        name: model_info(catalog, name) for name in names
    }  # an unknown name fails here, before any download
    for name, info in before.items():
        if not any(file.remote for file in info.files):
            typer.echo(f"{name}: nothing to fetch ({info.state})")
            continue
        with download_progress() as progress:
            # One catalog per name, so that each model is freed before the next is loaded.
            provider = ModelCatalog(trust_first=trust_first, progress=progress, thorough=True).load(
                name
            )
        done = model_info(catalog, name)
        typer.echo(
            f"{name}: {_size(done.bytes)}, {provider.parameters:,} parameters, "
            f"{provider.num_layers} layers of {provider.dim} values"
        )
        known = {file.sha256 for file in info.files}
        for file in done.files:
            pinned_now = "; digest pinned now" if file.sha256 not in known else ""
            typer.echo(f"  {file.role}: {file.path}{pinned_now}")


def _require_local_files(info: ModelInfo) -> None:
    """Raise ModelError if a file is missing: `show` downloads nothing."""
    from elmobench.core.errors import ModelError

    absent = [file for file in info.files if file.path is None]
    if absent:
        raise ModelError(
            f"not on this machine: {', '.join(file.role for file in absent)}",
            where=f"model {info.name!r}",
            fix=f"`{info.fetch_command}`"
            if info.fetch_command
            else f"put {', '.join(file.place for file in absent)} where the entry says",
        )


def _loaded(provider: FeatureProvider) -> dict[str, Any]:
    return {
        "fingerprint": provider.fingerprint,
        "parameters": provider.parameters,
        "layers": [
            f"{i}: {layer.name}, {layer.dim * layer.repeat} values"
            + (" (depends on the word only)" if layer.kind == "type" else "")
            for i, layer in enumerate(provider.layers)
        ],
    }


def _millions(number: int | None) -> str:
    if number is None:
        return "?"
    return f"{number / 1e6:.1f} M" if number else "-"


def _size(size: int | None) -> str:
    if size is None:
        return "?"
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
