"""Run records as tidy data frames: one row per cell, per score of a cell, per layer of a mix."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from elmobench.analysis.tables.results_frame import COLUMNS, axes_of, frame_of
from elmobench.core.surrogates import replace_surrogates
from elmobench.tracking.record import STAGES, RunRecord

POINT = ("experiment", "task", "features", "head", "seed")
"""Columns that say which point of the grid a row is about; the further axes follow the others."""
ADDED = (
    *("train_examples", "dev_examples", "test_examples", "train_fraction", "limit", "partial"),
    *("seconds", "error"),
)
SCORE_COLUMNS = (*POINT, "metric", "score", "dev", "primary", "cell")
WEIGHT_COLUMNS = (
    *POINT,
    *("placement", "part", "layer", "weight", "gamma", "learned", "cell"),
)


def cell_frame(records: Iterable[RunRecord]) -> pd.DataFrame:
    """One row per cell: what :func:`frame_of` has of the main score, sizes, costs and status.

    ``train_examples`` and so on are the numbers of examples used; ``seconds`` is the wall time of
    all stages; ``partial`` is true for a quick try, whose ``limit`` says how many examples it used.
    """
    records = list(records)
    frame = frame_of(records)
    axes = axes_of(frame)
    frame = frame.assign(**{name: [_added(r)[name] for r in records] for name in ADDED})
    first = [name for name in COLUMNS if name != "cell"]
    rest = [name for name in axes if name not in ADDED]
    return frame[[*first, *ADDED, "cell", *rest]]


def _added(record: RunRecord) -> dict[str, Any]:
    counts = {} if record.result is None else record.result.counts
    seconds = {} if record.run is None else record.run.seconds
    return {
        **{f"{split}_examples": counts.get(split) for split in ("train", "dev", "test")},
        "train_fraction": record.identity.get("train_fraction"),
        "limit": record.limit,
        "partial": record.limit is not None,
        "seconds": sum(seconds.get(stage, 0.0) for stage in STAGES) if seconds else None,
        # pandas cannot hold lone surrogates, which a message may quote.
        "error": None if record.error is None else replace_surrogates(record.error),
    }


def score_frame(records: Iterable[RunRecord]) -> pd.DataFrame:
    """One row per score of a cell: ``score`` on test, ``dev`` on dev.

    Scores are in percent, except those that are counts (``correct``, ``support``) or ratios.
    ``primary`` marks the main score of the cell. Cells that failed have no row.
    """
    rows = [
        {
            **_point(record),
            **{"metric": name, "score": score, "dev": record.result.dev.get(name)},
            **{"primary": name == record.result.primary},
        }
        for record in records
        if record.result is not None
        for name, score in record.result.test.items()
    ]
    return _with_columns(rows, SCORE_COLUMNS)


def weight_frame(records: Iterable[RunRecord]) -> pd.DataFrame:
    """One row per layer of each mix of a cell, at the best dev epoch.

    ``weight`` is the softmax weight of the layer (they sum to 1 over the layers of a part) and
    ``gamma`` the scale of the mix. ``learned`` is false for weights that the mode of the mix
    fixes. Parts with a single layer have no mix, and no row.
    """
    rows = [
        {
            **_point(record),
            **{"placement": placement, "part": part, "layer": layer, "weight": weight},
            **{"gamma": mix.get("gamma"), "learned": mix.get("w") is not None},
        }
        for record in records
        if record.result is not None
        for placement, parts in record.result.layer_weights.items()
        for part, mix in parts.items()
        for layer, weight in enumerate(mix.get("s") or ())
    ]
    return _with_columns(rows, WEIGHT_COLUMNS)


def _point(record: RunRecord) -> dict[str, Any]:
    point = {name: getattr(record, name) for name in POINT}
    return {**record.axes, **point, "cell": record.cell}


def _with_columns(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=None if rows else list(columns))
    return frame[[*columns, *(name for name in frame.columns if name not in columns)]]
