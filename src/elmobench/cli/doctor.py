"""``elmobench doctor``: show what is installed, what is missing and where files are."""

from __future__ import annotations

import typer

_OTHERS = ("pandas", "pydantic", "mlflow", "typer", "rich", "requests")
"""Packages that are needed and that no score depends on."""


def doctor() -> None:
    """Show what is installed, what is missing and where the caches are."""
    import os
    import shutil
    from importlib.metadata import PackageNotFoundError, version

    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from elmobench.core import paths
    from elmobench.core.versions import NOT_INSTALLED, library_versions
    from elmobench.tracking.host import host_info, numerics, numerics_text

    console = Console()
    packages = Table(title="packages", title_justify="left", box=None, show_header=False)
    missing = []
    for name, found in library_versions().items():
        packages.add_row(name, "[red]missing[/]" if found == NOT_INSTALLED else found)
        if found == NOT_INSTALLED:
            missing.append(name)
    for name in _OTHERS:
        try:
            packages.add_row(name, version(name))
        except PackageNotFoundError:
            packages.add_row(name, "[red]missing[/]")
            missing.append(name)
    console.print(packages)

    places = Table(title="places", title_justify="left", box=None, show_header=False)
    places.add_column(no_wrap=True)
    places.add_column(overflow="fold")
    places.add_column(no_wrap=True)
    places.add_column(no_wrap=True)
    for label, folder, variable in (
        ("caches", paths.home(), paths.HOME_VARIABLE),
        ("data", paths.data_cache(), paths.HOME_VARIABLE),
        ("feature store", paths.feature_store(), paths.STORE_VARIABLE),
        ("mirror", paths.mirror(), paths.MIRROR_VARIABLE),
        ("shipped tasks", paths.builtin("tasks"), ""),
        ("shipped experiments", paths.builtin("experiments"), ""),
    ):
        state = "not set" if folder is None else "exists" if folder.exists() else "not yet made"
        places.add_row(label, escape(str(folder or "–")), state, variable)
    for label, folders, variable in (
        ("models", paths.model_folders(), paths.MODELS_VARIABLE),
        ("own cards", paths.include_folders(), paths.INCLUDE_VARIABLE),
    ):
        if not folders:
            places.add_row(label, "–", "not set", variable)
        for folder in folders:
            state = "exists" if folder.is_dir() else "[red]missing[/]"
            places.add_row(label, escape(str(folder)), state, variable)
    console.print(places)

    home = paths.home()
    existing = next(p for p in (home, *home.parents) if p.exists())
    host = host_info(threads=os.cpu_count() or 1)
    console.print(f"free space for caches: {shutil.disk_usage(existing).free / 1e9:.1f} GB")
    console.print(f"{host['processor']}, {host['cores']} cores, {host['system']}", markup=False)
    if "torch" not in missing:
        from elmobench.training.machine import repeatable, torch_threads

        with torch_threads(1), repeatable():  # as a run computes by default
            settings = numerics_text(numerics())
        console.print(f"a run computes with: {settings}", markup=False, highlight=False)
    if missing:
        console.print(f"[red]missing:[/] pip install {' '.join(missing)}")
        raise typer.Exit(1)
    console.print("[green]everything needed is installed[/]")
