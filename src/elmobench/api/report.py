"""Write the report of an experiment: what ``elmobench report`` writes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from elmobench.api.comparison_progress import comparison_progress
from elmobench.api.results import Results, folder_of
from elmobench.core.errors import ElmobenchWarning
from elmobench.tracking.record_store import RecordStore


def report(
    results: Results | str | Path,
    out: str | Path | None = None,
    *,
    include: Sequence[str | Path] = (),
    quiet: bool = False,
) -> Path:
    """Write the report of an experiment, and return the path of its HTML page.

    Markdown, LaTeX and CSV files are next to the page.

    >>> import elmobench
    >>> study = {"name": "try", "tasks": ["wsd/control-wsd"], "heads": ["paper"]}
    >>> study["features"] = ["glove-mini", "elmo-mini"]
    >>> page = elmobench.report(elmobench.run(study, tracker="none", quiet=True))
    >>> page.as_posix()
    'results/try/report.html'

    Args:
        results: what :func:`run` or :func:`load_results` returned, or a results folder.
        out: where to write the files [the results folder].
        include: folders with your own task cards [those that the experiment included].
        quiet: show no progress.

    Raises:
        UnknownNameError: there is no such folder.
        DataError: there are no records, or all of them are damaged. A damaged one among others is
            a warning that names it, and is listed on the page.
    """
    from elmobench.analysis.report.report import make_report
    from elmobench.analysis.report.write import write_report
    from elmobench.tracking.remembered_cards import remembered_cards

    folder = folder_of(results)
    cards = remembered_cards(RecordStore(folder), [Path(one) for one in include])
    made = make_report(folder, cards)
    for error in made.damaged:
        warnings.warn(error, ElmobenchWarning, stacklevel=2)
    with comparison_progress(quiet) as on_pair:
        return write_report(made, Path(out or folder), folder, cards, on_pair)[0]
