"""Run records as a data frame."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from elmobench.tracking.record import RunRecord
from elmobench.tracking.run_flags import run_flags

COLUMNS = (
    "experiment",
    "task",
    "pipeline",
    "features",
    "head",
    "seed",
    "status",
    "metric",
    "score",
    "dev",
    "best_epoch",
    "epochs",
    "flags",
    "train_seconds",
    "epoch_seconds",
    "head_parameters",
    "cell",
)
"""Columns of every frame; further axes of the experiment follow, then ``test.*``."""


def frame_of(records: Iterable[RunRecord]) -> pd.DataFrame:
    """The frame of ``records``; without records it is empty and has the fixed columns."""
    rows = [_row(record) for record in records]
    frame = pd.DataFrame(rows)
    missing = [name for name in COLUMNS if name not in frame.columns]
    for name in missing:
        frame[name] = None
    rest = [name for name in frame.columns if name not in COLUMNS]
    return frame[[*COLUMNS, *rest]]


def _row(record: RunRecord) -> dict[str, Any]:
    row: dict[str, Any] = {
        "experiment": record.experiment,
        "task": record.task,
        "pipeline": record.pipeline,
        "features": record.features,
        "head": record.head,
        "seed": record.seed,
        "status": record.status,
        "cell": record.cell,
        **record.axes,
    }
    if record.result is not None:
        row["metric"] = record.result.primary
        row["score"] = record.result.test[record.result.primary]
        row["dev"] = record.result.dev[record.result.primary]
        row["best_epoch"] = record.result.best_epoch
        row["epochs"] = len(record.result.curve)
        row["flags"] = flags_text(record)
        row |= {f"test.{name}": value for name, value in record.result.test.items()}
    if record.run is not None:
        row["train_seconds"] = record.run.seconds.get("train")
        row["epoch_seconds"] = record.run.seconds.get("epoch_mean")
        row["head_parameters"] = record.run.parameters.get("head")
    return row


def flags_text(record: RunRecord) -> str:
    """The flags of a record in words: ``edge``, ``rising``, both or none."""
    flags = run_flags(record)
    return " ".join(["edge"] * bool(flags.edges) + ["rising"] * flags.rising)


def axes_of(frame: pd.DataFrame) -> list[str]:
    """Names of the further axes in a frame."""
    return [
        name for name in frame.columns if name not in COLUMNS and not str(name).startswith("test.")
    ]
