"""Find the results folder that a command's argument names."""

from __future__ import annotations

from pathlib import Path


def results_folder(name: str) -> Path:
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
    if path.is_dir():
        return _of_one_experiment(path)
    if path.suffix in (".yaml", ".yml") and path.is_file():
        from elmobench.bench.experiment.schema import load_experiment

        name = load_experiment(path).name
    folder = Path("results") / name
    if folder.is_dir():
        return _of_one_experiment(folder)
    known = [p.name for p in Path("results").iterdir()] if Path("results").is_dir() else []
    raise UnknownNameError(f"no results of {name!r} here", fix=did_you_mean(name, known))


def _of_one_experiment(folder: Path) -> Path:
    """Return ``folder``; raise DataError if only folders in it have records."""
    from elmobench.core.errors import DataError
    from elmobench.tracking.record_store import RecordStore

    if RecordStore(folder).cell_names():
        return folder
    inner = [p for p in sorted(folder.iterdir()) if p.is_dir() and RecordStore(p).cell_names()]
    if inner:
        raise DataError(
            "the results of several experiments are here, each in a folder of its own",
            where=str(folder),
            fix=f"give one of them: {', '.join(map(str, inner))}",
        )
    return folder
