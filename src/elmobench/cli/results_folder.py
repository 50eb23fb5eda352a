"""Find the results folder that a command's argument names."""

from __future__ import annotations

from pathlib import Path


def results_folder(name: str) -> Path:
    """Return the results folder for ``name``.

    ``name`` is a folder, the name of a folder in ``results``, or an experiment file whose results
    are in ``results``.

    Raises:
        UnknownNameError: there is no such folder.
    """
    from elmobench.core.errors import UnknownNameError
    from elmobench.core.registry import did_you_mean

    path = Path(name)
    if path.is_dir():
        return path
    if path.suffix in (".yaml", ".yml") and path.is_file():
        from elmobench.bench.experiment.schema import load_experiment

        name = load_experiment(path).name
    folder = Path("results") / name
    if folder.is_dir():
        return folder
    known = [p.name for p in Path("results").iterdir()] if Path("results").is_dir() else []
    raise UnknownNameError(f"no results of {name!r} here", fix=did_you_mean(name, known))
