"""Names that the shell completes: found by reading files line by line, without heavy imports.

A person waits for a completion, so nothing is validated here: a name that a damaged file would
have is left out, and the command explains what is wrong.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from elmobench.core import paths
from elmobench.core.errors import ConfigError, ElmobenchError

_FIELD = re.compile(r"^(name|pipeline):[ \t]*([A-Za-z0-9._/-]+)[ \t]*$", re.MULTILINE)
_MODEL = re.compile(r"^  ([A-Za-z0-9][A-Za-z0-9._-]*):", re.MULTILINE)


def tasks(ctx: Any, incomplete: str) -> list[str]:
    """Tasks that begin with ``incomplete``: shipped, in ELMOBENCH_INCLUDE and in --include."""
    return _beginning(incomplete, _tasks(ctx))


def models(_: Any, incomplete: str) -> list[str]:
    """Models of the catalog; after a ``+``, for the last part of a features spec."""
    from elmobench.features.spec import split_last_part

    before, last = split_last_part(incomplete)
    return [f"{before}{name}" for name in _beginning(last, _models())]


def experiments(_: Any, incomplete: str) -> list[str]:
    """Shipped experiments, and YAML files."""
    return _beginning(incomplete, _experiments()) + _files(incomplete, (".yaml", ".yml"))


def tasks_or_experiments(ctx: Any, incomplete: str) -> list[str]:
    """Tasks, shipped experiments and YAML files."""
    return tasks(ctx, incomplete) + experiments(ctx, incomplete)


def results(_: Any, incomplete: str) -> list[str]:
    """Folders in ``results`` that have records, and other folders."""
    return _beginning(incomplete, _results()) + _files(incomplete, ())


def cells(ctx: Any, incomplete: str) -> list[str]:
    """Cells with a trained head, by the first 16 characters of their names."""
    return _beginning(incomplete, _cells(Path((ctx.params or {}).get("results") or "results")))


def shown(ctx: Any, incomplete: str) -> list[str]:
    """What ``elmobench show`` knows: tasks, models, experiments, readers and heads."""
    from elmobench.data.readers.base import READERS
    from elmobench.tasks.registries import HEADS

    names = {*_tasks(ctx), *_models(), *_experiments(), *READERS, *HEADS}
    return _beginning(incomplete, names)


def heads(_: Any, incomplete: str) -> list[str]:
    """Head presets."""
    from elmobench.tasks.registries import HEADS

    return _beginning(incomplete, HEADS)


def schemas(_: Any, incomplete: str) -> list[str]:
    """Schemas of files and of documents."""
    from elmobench.bench.json_schemas import SCHEMAS
    from elmobench.cli.output.registry import OUTPUTS

    return _beginning(incomplete, [*SCHEMAS, *OUTPUTS])


def one_of(*values: str) -> Callable[[Any, str], list[str]]:
    """A completion with fixed values."""

    def complete(_: Any, incomplete: str) -> list[str]:
        return _beginning(incomplete, values)

    return complete


def _beginning(incomplete: str, names: Any) -> list[str]:
    return sorted({name for name in names if name.startswith(incomplete)})


def _tasks(ctx: Any) -> Iterator[str]:
    for folder in (paths.builtin("tasks"), *_included(ctx)):
        for file in _yaml_files(folder):
            fields = dict(_FIELD.findall(_text(file)))
            if fields.keys() == {"name", "pipeline"}:
                yield f"{fields['pipeline']}/{fields['name']}"


def _included(ctx: Any) -> list[Path]:
    # Some versions of typer pass text.
    given = [Path(folder) for folder in (ctx.params or {}).get("include") or ()]
    try:
        return given + paths.include_folders()
    except ConfigError:  # a folder of a user who does not exist
        return given


def _models() -> Iterator[str]:
    package = Path(__file__).resolve().parents[1]
    files = [package / "features/catalog/models.yaml", package / "models/models.yaml"]
    with suppress(ConfigError):  # a folder of a user who does not exist
        files += [folder / "models.yaml" for folder in paths.model_folders()]
    for file in files:
        yield from _MODEL.findall(_text(file).partition("models:\n")[2])


def _experiments() -> Iterator[str]:
    root = paths.builtin("experiments")
    for file in _yaml_files(root):
        if file.parent.name != "pretrain":
            yield file.relative_to(root).with_suffix("").as_posix()


def _results() -> Iterator[str]:
    root = Path("results")
    for folder, folders, files in os.walk(root):
        folders.sort()
        if "experiment.json" in files or "records" in folders:
            yield Path(folder).relative_to(root).as_posix()
            folders.clear()


def _cells(root: Path) -> Iterator[str]:
    for folder, folders, _ in os.walk(root):
        folders.sort()
        if "heads" in folders:
            yield from (entry.name for entry in os.scandir(Path(folder) / "heads"))
            folders.clear()


def _yaml_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.yaml")) if folder.is_dir() else []


def _files(incomplete: str, suffixes: tuple[str, ...]) -> list[str]:
    """Files with these suffixes, and folders, whose path begins with ``incomplete``."""
    folder, _, start = incomplete.rpartition("/")
    root = f"{folder}/" if folder or incomplete.startswith("/") else ""
    found = []
    try:
        entries = sorted(os.scandir(root or "."), key=lambda entry: entry.name)
    except OSError:
        return []
    for entry in entries:
        if entry.name.startswith(start) and not entry.name.startswith("."):
            if entry.is_dir():
                found.append(f"{root}{entry.name}/")
            elif suffixes and entry.name.endswith(suffixes):
                found.append(f"{root}{entry.name}")
    return found


def _text(file: Path) -> str:
    from elmobench.core.parsing import read_text

    try:
        return read_text(file, ConfigError)
    except ElmobenchError:
        return ""
