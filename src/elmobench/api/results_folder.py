"""Find the results folder that an argument names."""

from __future__ import annotations

import os
from pathlib import Path


def results_folder(name: str | Path) -> Path:
    """Return the results folder for ``name``.

    ``name`` is a folder, the name of a folder in ``results``, or an experiment file whose results
    are in ``results``.

    Raises:
        UnknownNameError: there is no such folder.
        DataError: the folder has no records, but folders in it have: it groups several experiments.
    """
    from elmobench.core.errors import UnknownNameError
    from elmobench.core.registry import did_you_mean

    path = Path(name)
    named = Path("results") / path
    # Data of a study often are in a folder with its name.
    if os.path.isdir(path) and (not os.path.isdir(named) or _has_results(path)):
        return _of_one_experiment(path)
    if os.path.isfile(path) and path.suffix not in (".yaml", ".yml"):
        raise UnknownNameError(
            "this is a file, not a results folder",
            where=str(path),
            fix="name the folder, the experiment, or its file (.yaml)",
        )
    if os.path.isfile(path):
        from elmobench.bench.experiment.schema import load_experiment

        name = load_experiment(path).name
    folder = Path("results") / name
    if os.path.isdir(folder):
        return _of_one_experiment(folder)
    known = _experiments(Path("results"))
    raise UnknownNameError(
        f"no results of {str(name)!r} here",
        fix=did_you_mean(str(name), known)
        if known
        else "give the path of a results folder: there are none in 'results' of this folder",
    )


def _experiments(results: Path) -> list[str]:
    """The folders in ``results`` that have records or a plan, as they are named there."""
    if not os.path.isdir(results):
        return []
    found = {path.parent for path in results.glob("**/experiment.json")}
    found |= {path for path in results.iterdir() if os.path.isdir(path / "records")}
    return sorted(path.relative_to(results).as_posix() for path in found)


def _has_results(folder: Path) -> bool:
    """Whether the folder, or one in it, has records."""
    from elmobench.tracking.record_store import RecordStore

    return bool(RecordStore(folder).cell_names() or _inner(folder))


def _inner(folder: Path) -> list[Path]:
    """The folders in a folder that have records."""
    from elmobench.tracking.record_store import RecordStore

    folders = [path for path in sorted(folder.iterdir()) if os.path.isdir(path)]
    return [path for path in folders if RecordStore(path).cell_names()]


def _of_one_experiment(folder: Path) -> Path:
    """Return ``folder``; raise DataError if only folders in it have records."""
    from elmobench.core.errors import DataError
    from elmobench.tracking.record_store import RecordStore

    if RecordStore(folder).cell_names():
        return folder
    inner = _inner(folder)
    if inner:
        raise DataError(
            "the results of several experiments are here, each in a folder of its own",
            where=str(folder),
            fix=f"give one of them: {', '.join(map(str, inner))}",
        )
    return folder
