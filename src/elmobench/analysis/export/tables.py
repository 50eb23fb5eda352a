"""Export as CSV: one row per score of each system, and one per cell."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

from elmobench.analysis.export.systems import Exported, SystemScores

COLUMNS = (
    *("experiment", "task", "pipeline", "corpus", "same_as", "features", "head", "axes"),
    *("metric", "score", "is_primary", "mean", "sd", "low", "high", "seeds", "seed_list"),
    *("examples", "limit", "data_sha256", "card_version", "date", "caveats"),
)
CELL_COLUMNS = ("cell", "task", "features", "head", "axes", "seed", "score", "value", "limit")


def csv_files(systems: Sequence[SystemScores]) -> Exported:
    """``scores.csv`` with the columns :data:`COLUMNS`, ``cells.csv`` with :data:`CELL_COLUMNS`.

    Scores are in percent, except those that are counts (``correct``, ``support``) or ratios.
    ``low`` and ``high`` are Student's 95 % interval of the mean over seeds, ``seed_list`` and
    ``axes`` are JSON, and ``limit`` is empty unless only a part of the examples was used.
    """
    rows: list[tuple[Any, ...]] = []
    cells: list[tuple[Any, ...]] = []
    for system in systems:
        names = (system.task, system.features, system.head)
        axes = json.dumps(system.axes, sort_keys=True)
        for score, values in system.scores.items():
            rows.append(
                (
                    *(system.experiment, system.task, system.pipeline, system.corpus),
                    *(system.same_as, system.features, system.head, axes, system.metric, score),
                    *(json.dumps(score == system.primary), system.mean(score), system.sd(score)),
                    *system.interval(score),
                    *(len(values), json.dumps(system.seeds), system.examples, system.limit),
                    *(system.data, system.card_version, system.date, " ".join(system.caveats)),
                )
            )
            cells += [
                (cell, *names, axes, seed, score, value, system.limit)
                for cell, seed, value in zip(system.cells, system.seeds, values, strict=True)
            ]
    return Exported({"scores.csv": _csv(COLUMNS, rows), "cells.csv": _csv(CELL_COLUMNS, cells)})


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue()
