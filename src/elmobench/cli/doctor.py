"""``elmobench doctor``: show what is installed, what is missing and where files are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from elmobench.cli.options import JsonOption

if TYPE_CHECKING:
    from elmobench.cli.output.store import DoctorOutput

_MISSING_PACKAGE = ("package", "missing")
_OTHERS = (
    *("alembic", "mlflow-skinny", "pandas", "pydantic", "requests"),
    *("rich", "sqlalchemy", "typer"),
)
"""Packages that are needed and that no score depends on."""


def doctor(as_json: JsonOption = False) -> None:
    """Show what is installed, what is missing and where the caches are."""
    from elmobench.cli.output.base import for_programs

    output = _look()
    missing = [fact.name for fact in output.facts if (fact.group, fact.state) == _MISSING_PACKAGE]
    if not for_programs(output, as_json=as_json):
        _print(output, missing)
    if missing:
        raise typer.Exit(1)


def _look() -> DoctorOutput:
    """Find out what is installed and where files are."""
    import os
    import shutil

    from elmobench.cli.output.store import DoctorFact, DoctorOutput
    from elmobench.core import paths
    from elmobench.core.versions import NOT_INSTALLED
    from elmobench.tracking.host import host_info, numerics

    facts = [
        DoctorFact(
            group="package",
            name=name,
            value=None if version == NOT_INSTALLED else version,
            state="missing" if version == NOT_INSTALLED else "installed",
            variable="",
        )
        for name, version in _versions().items()
    ]
    facts += [
        DoctorFact(group="place", name=name, value=value, state=state, variable=variable)
        for name, value, state, variable in _places()
    ]
    home = paths.home()
    existing = next(p for p in (home, *home.parents) if p.exists())
    host = host_info(threads=os.cpu_count() or 1)
    facts += [
        DoctorFact(group="machine", name=name, value=str(value), state="", variable="")
        for name, value in host.items()
    ]
    missing = any((fact.group, fact.state) == _MISSING_PACKAGE for fact in facts)
    settings = None
    if all(fact.value is not None for fact in facts if fact.name == "torch"):
        from elmobench.training.devices import gpus
        from elmobench.training.machine import repeatable, torch_threads

        facts += [
            DoctorFact(
                group="device",
                name=f"cuda:{number}",
                value=f"{name}, {memory / 2**30:.1f} GiB",
                state="usable",
                variable="",
            )
            for number, (name, memory) in enumerate(gpus())
        ]
        with torch_threads(1), repeatable():  # as a run computes by default
            settings = numerics()
    return DoctorOutput(
        ok=not missing,
        facts=facts,
        free_bytes=shutil.disk_usage(existing).free,
        numerics=settings,
    )


def _versions() -> dict[str, str]:
    """Package -> version."""
    from importlib.metadata import PackageNotFoundError, version

    from elmobench.core.versions import NOT_INSTALLED, library_versions

    found = dict(library_versions())
    for name in _OTHERS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = NOT_INSTALLED
    return found


def _places() -> Iterator[tuple[str, str | None, str, str]]:
    """Name, folder, state and environment variable of each place."""
    from elmobench.core import paths

    for label, folder, variable in (
        ("caches", paths.home(), paths.HOME_VARIABLE),
        ("data", paths.data_cache(), paths.HOME_VARIABLE),
        ("feature store", paths.feature_store(), paths.STORE_VARIABLE),
        ("mirror", paths.mirror(), paths.MIRROR_VARIABLE),
        ("shipped tasks", paths.builtin("tasks"), ""),
        ("shipped experiments", paths.builtin("experiments"), ""),
    ):
        state = "not set" if folder is None else "exists" if folder.exists() else "not yet made"
        yield label, None if folder is None else str(folder), state, variable
    for label, folders, variable in (
        ("models", paths.model_folders(), paths.MODELS_VARIABLE),
        ("own cards", paths.include_folders(), paths.INCLUDE_VARIABLE),
    ):
        if not folders:
            yield label, None, "not set", variable
        for folder in folders:
            yield label, str(folder), "exists" if folder.is_dir() else "missing", variable


def _print(output: DoctorOutput, missing: list[str]) -> None:
    """Print the tables for people."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from elmobench.tracking.host import numerics_text

    console = Console()
    packages = Table(title="packages", title_justify="left", box=None, show_header=False)
    places = Table(title="places", title_justify="left", box=None, show_header=False)
    places.add_column(no_wrap=True)
    places.add_column(overflow="fold")
    places.add_column(no_wrap=True)
    places.add_column(no_wrap=True)
    for fact in output.facts:
        state = "[red]missing[/]" if fact.state == "missing" else fact.state
        if fact.group == "package":
            packages.add_row(fact.name, fact.value or state)
        elif fact.group == "place":
            places.add_row(fact.name, escape(fact.value or "–"), state, fact.variable)
    console.print(packages)
    console.print(places)
    host = {fact.name: fact.value for fact in output.facts if fact.group == "machine"}
    console.print(f"free space for caches: {output.free_bytes / 1e9:.1f} GB")
    console.print(f"{host['processor']}, {host['cores']} cores, {host['system']}", markup=False)
    devices = [f"{fact.name} {fact.value}" for fact in output.facts if fact.group == "device"]
    shown = "; ".join(devices) or "none that torch can use"
    console.print(f"GPUs for settings.device: {shown}", markup=False, highlight=False)
    if output.numerics is not None:
        settings = numerics_text(output.numerics)
        console.print(f"a run computes with: {settings}", markup=False, highlight=False)
    if missing:
        console.print(f"[red]missing:[/] pip install {' '.join(missing)}")
    else:
        console.print("[green]everything needed is installed[/]")
