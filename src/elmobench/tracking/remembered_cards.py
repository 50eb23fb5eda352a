"""Task cards of an experiment that was run: found again where they were then.

``experiment.json`` holds the folders of cards that were included, relative to the results folder
where they are on the same drive, so that both can be moved together.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from pathlib import Path

from elmobench.core.errors import ElmobenchWarning
from elmobench.data.cards.catalog import CardCatalog
from elmobench.tracking.record_store import RecordStore


def relative_folders(cards: CardCatalog, results: Path) -> list[str]:
    """The included folders of ``cards`` as they are written into ``experiment.json``."""
    found = []
    for folder in cards.include_folders:
        path = folder.resolve()
        try:
            found.append(Path(os.path.relpath(path, results.resolve())).as_posix())
        except ValueError:  # another drive of Windows
            found.append(str(path))
    return list(dict.fromkeys(found))


def remembered_cards(store: RecordStore, include: Iterable[Path] | None = None) -> CardCatalog:
    """The cards of ``include``; without it, those that the experiment included when it ran.

    Warns if a folder that the experiment included is no longer there and no other one is given.
    """
    given = [Path(folder) for folder in include or ()]
    if given:
        return CardCatalog(given)
    folders = []
    for text in store.included_folders():
        folder = store.folder / text
        if os.path.exists(folder):
            folders.append(Path(os.path.normpath(folder)))
        else:
            warnings.warn(
                f"the task cards of this experiment were in {os.path.normpath(folder)}, which is "
                "not there: name their folder with --include to see texts of its tasks",
                ElmobenchWarning,
                stacklevel=2,
            )
    return CardCatalog(folders)
