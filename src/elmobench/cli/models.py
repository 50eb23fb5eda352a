"""``elmobench models``: list, show and fetch models of the catalog."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elmobench.cli.options import JsonOption, TrustFirstOption

if TYPE_CHECKING:
    from elmobench.cli.output.models import FetchedModel
    from elmobench.features.catalog.inventory import ModelInfo
    from elmobench.features.provider import FeatureProvider

app = typer.Typer(no_args_is_help=True, help="List, show and download the models of the catalog.")


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """List the models of the catalog and whether they can be used now.

    "needs --trust-first": the digest of a file was never published. "pinned": the file was
    downloaded and you have pinned its digest.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from elmobench.cli.output.base import for_programs
    from elmobench.cli.output.models import ListedModel, ModelsListOutput
    from elmobench.features.catalog.catalog import ModelCatalog
    from elmobench.features.catalog.inventory import model_info

    catalog = ModelCatalog()
    infos = [model_info(catalog, name) for name in catalog.names()]
    models = [ListedModel.from_values(info.row()) for info in infos]
    if for_programs(ModelsListOutput(models=models), as_json=as_json):
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
    as_json: JsonOption = False,
) -> None:
    """Show a model's address, digests, licence, size and how to use it."""
    import yaml
    from rich.console import Console
    from rich.markup import escape

    from elmobench.cli.output.base import print_json
    from elmobench.cli.output.models import ModelShowOutput
    from elmobench.features.catalog.catalog import ModelCatalog
    from elmobench.features.catalog.inventory import describe_model, model_info

    catalog = ModelCatalog(thorough=check)
    info = model_info(catalog, name)
    content = describe_model(info)
    if check:
        _require_local_files(info)
        content["loaded"] = _loaded(catalog.load(name))
    if as_json:
        print_json(ModelShowOutput(model=name, content=content))
        return
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
    as_json: JsonOption = False,
) -> None:
    """Download models, check their digests and load each one to check its shape."""
    from elmobench.cli.output.base import print_json
    from elmobench.cli.output.models import ModelsFetchOutput
    from elmobench.core.progress import download_progress
    from elmobench.features.catalog.catalog import ModelCatalog
    from elmobench.features.catalog.inventory import model_info

    catalog = ModelCatalog()
    before = {
        name: model_info(catalog, name) for name in names
    }  # an unknown name fails here, before any download
    fetched = []
    for name, info in before.items():
        provider = None
        if any(file.remote for file in info.files):
            with download_progress() as progress:
                # One catalog per name, so that each model is freed before the next is loaded.
                own = ModelCatalog(trust_first=trust_first, progress=progress, thorough=True)
                provider = own.load(name)
        done = model_info(catalog, name)
        row = _fetched(info, done, provider)
        fetched.append(row)
        if not as_json:
            for line in _lines(row):
                typer.echo(line)
    if as_json:
        print_json(ModelsFetchOutput(models=fetched))


def _fetched(before: ModelInfo, done: ModelInfo, provider: FeatureProvider | None) -> FetchedModel:
    from elmobench.cli.output.models import FetchedModel

    known = {file.sha256 for file in before.files}
    return FetchedModel(
        model=done.name,
        fetched=provider is not None,
        state=done.state,
        bytes=done.bytes,
        parameters=None if provider is None else provider.parameters,
        layers=None if provider is None else provider.num_layers,
        dim=None if provider is None else provider.dim,
        files={file.role: None if file.path is None else str(file.path) for file in done.files},
        pinned_now=[]
        if provider is None
        else [file.role for file in done.files if file.sha256 not in known],
    )


def _lines(row: FetchedModel) -> Iterator[str]:
    """What is printed of a fetched model."""
    if not row.fetched:
        yield f"{row.model}: nothing to fetch ({row.state})"
        return
    yield (
        f"{row.model}: {_size(row.bytes)}, {row.parameters:,} parameters, "
        f"{row.layers} layers of {row.dim} values"
    )
    for role, path in row.files.items():
        pinned_now = "; digest pinned now" if role in row.pinned_now else ""
        yield f"  {role}: {path}{pinned_now}"


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
