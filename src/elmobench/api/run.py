"""Run an experiment from Python: what ``elmobench run`` does, in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args

from elmobench.api.results import Results
from elmobench.bench.experiment.schema import Experiment
from elmobench.bench.run import Overwrite, run_experiment
from elmobench.core.errors import ConfigError
from elmobench.core.registry import did_you_mean
from elmobench.data.cards.catalog import CardCatalog

_OVERWRITE: Final[tuple[str, ...]] = get_args(Overwrite)


def run(
    experiment: Experiment | Mapping[str, Any] | str | Path,
    *,
    results: str | Path | None = None,
    include: Sequence[str | Path] = (),
    store: str | Path | None = None,
    tracker: str = "mlflow",
    tracking_uri: str | None = None,
    overwrite: Overwrite = "failed",
    trust_first: bool = False,
    quiet: bool = False,
    workers: int | None = None,
    limit: str | int | None = None,
    models: Mapping[str, Any] | None = None,
) -> Results:
    """Run every cell that has no result yet; see :func:`elmobench.bench.run.run_experiment`.

    For example, with a head that is fitted in one pass over the training set:

    >>> import elmobench
    >>> study = {"name": "try", "tasks": ["wsd/control-wsd"], "heads": ["paper"]}
    >>> study["features"] = ["glove-mini", "elmo-mini"]
    >>> results = elmobench.run(study, tracker="none", quiet=True)
    >>> results.table()[["glove-mini", "elmo-mini"]]
      glove-mini elmo-mini
    0      70.00     80.67

    Args:
        experiment: the content of an experiment file as a mapping, the path of a file, or
            the name of a shipped experiment.
        results: folder for the records [``results/<name>``].
        include: folders with your own task cards.
        store: the feature store [the user's cache].
        tracker: where records are logged too: ``mlflow``, ``tensorboard`` or ``none``.
        tracking_uri: the tracker's store or server [in ``results``]; ``"none"`` for none.
        overwrite: which recorded cells run again: ``never``, ``failed`` ones, ``always``.
        trust_first: accept files without a known digest, and pin their digests.
        quiet: show no progress.
        workers: how many cells run at a time, each in its own process [1, in this process]. A
            script must call :func:`run` below ``if __name__ == "__main__":``.
        limit: a quick try on a number (``50``) or share (``"5%"``) of the examples of each split;
            its results are marked as partial [all examples].
        models: your own models by name: :class:`Model` and :class:`SentenceModel` objects with a
            Python function, or entries as in an experiment's ``models:``.

    Raises:
        TypeError: if ``experiment``, ``include`` or ``workers`` is of another type.
        ElmobenchError: if anything in the experiment is wrong, before any work.
    """
    _check_arguments(experiment, overwrite, workers)
    summary = run_experiment(
        experiment,
        results=None if results is None else Path(results),
        cards=CardCatalog(include),
        store=None if store is None else Path(store),
        tracker=tracker,
        tracking_uri=tracking_uri,
        overwrite=overwrite,
        trust_first=trust_first,
        quiet=quiet,
        workers=workers,
        limit=limit,
        models=models,
    )
    return Results(summary.folder, summary.records, summary.damaged, summary)


def _check_arguments(experiment: Any, overwrite: Any, workers: Any) -> None:
    if not isinstance(experiment, Experiment | Mapping | str | Path):
        raise TypeError(
            f"experiment is of type {type(experiment).__name__}; give a mapping, the path of a "
            "file, or the name of a shipped experiment"
        )
    if overwrite not in _OVERWRITE:
        raise ConfigError(
            f"overwrite is {overwrite!r}", where="run", fix=did_you_mean(str(overwrite), _OVERWRITE)
        )
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int)):
        raise TypeError(f"workers is {workers!r}; give a number, or None")
    if workers is not None and workers < 1:
        raise ConfigError(f"workers is {workers}", where="run", fix="give 1 or more, or None")
