"""What each representation costs to encode, store and train with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from elmobench.tracking.record import RunInfo, RunRecord
from elmobench.tracking.record_store import RecordStore


def cost_table(records: Iterable[RunRecord], folder: Path | None = None) -> pd.DataFrame:
    """What each representation costs, by task and head.

    Columns: parameters of the providers and of the head; stored bytes per token (per word type,
    for vectors without context); wall time and processor time to encode the task once, and wall
    time per token of it (from the costs stored in ``folder``); mean time to train a cell, with its
    search, and an epoch; share of tokens with a vector; largest memory.
    """
    encoding = encoding_costs(folder)
    groups: dict[tuple[str, str, str], list[RunRecord]] = defaultdict(list)
    for record in records:
        if record.run is not None:
            groups[(record.task, record.head, record.features)].append(record)
    rows = []
    for (task, head, features), cells in groups.items():
        runs = [cell.run for cell in cells if cell.run is not None]
        fingerprints = [part["fingerprint"] for part in cells[0].identity.get("parts", ())]
        costs = [encoding.get((task, fingerprint), EncodingCost()) for fingerprint in fingerprints]
        frozen = {k: v for k, v in runs[0].parameters.items() if k != "head"}
        rows.append(
            {
                "task": task,
                "head": head,
                "features": features,
                "provider parameters": _short(sum(frozen.values())),
                "head parameters": _short(runs[0].parameters.get("head", 0)),
                "bytes per token": round(sum(runs[0].bytes_per_token.values())),
                "encode s": _sum([cost.seconds for cost in costs], 1),
                "encode cpu s": _sum([cost.cpu for cost in costs], 1),
                "µs per token": _sum([cost.microseconds_per_token for cost in costs], 0),
                "train s per cell": f"{np.mean([training_seconds(run) for run in runs]):.1f}",
                "cpu s per cell": _mean_cpu(runs),
                "s per epoch": f"{np.mean([_epoch_seconds(run) for run in runs]):.2f}",
                "covered": _coverage(cells[0]),
                "peak MB": round(max(run.peak_memory_bytes for run in runs) / 1e6),
            }
        )
    table = pd.DataFrame(rows)
    for column in ("covered", "cpu s per cell", "encode cpu s", "µs per token"):
        if rows and all(row[column] == "–" for row in rows):
            table = table.drop(columns=column)
    return table


def _short(count: int) -> str:
    """Format a number of parameters: ``950``, ``12.3 k``, ``93.6 M``."""
    for limit, prefix in ((1e6, "M"), (1e3, "k")):
        if count >= limit:
            return f"{count / limit:.1f} {prefix}"
    return str(count)


def training_seconds(run: RunInfo) -> float:
    """Wall time of training a cell, with its search."""
    return run.seconds.get("train", 0.0) + run.seconds.get("select", 0.0)


def _epoch_seconds(run: RunInfo) -> float:
    return run.seconds.get("epoch_mean", 0.0)


def _mean_cpu(runs: list[RunInfo]) -> str:
    """Mean processor seconds per cell; records of early versions have none."""
    seconds = [run.seconds["cpu"] for run in runs if "cpu" in run.seconds]
    return f"{np.mean(seconds):.1f}" if seconds else "–"


def _coverage(record: RunRecord) -> str:
    """Share of the tokens that have a vector, if words can lack one."""
    shares = [c["tokens"] for c in record.result.coverage.values()] if record.result else []
    return f"{100 * min(shares):.1f} %" if shares else "–"


def _sum(values: Sequence[float | None], digits: int) -> str:
    """Format the sum, or a dash if one of the values is unknown."""
    known = [value for value in values if value is not None]
    return f"{sum(known):.{digits}f}" if len(known) == len(values) else "–"


@dataclass(frozen=True)
class EncodingCost:
    """Total cost of encoding one task with one fingerprint; None where it was not measured.

    Attributes:
        seconds: wall time, summed over workers.
        cpu: processor seconds of the workers, without GPUs and without processes that a provider
            starts.
        tokens: number of encoded tokens; 0 for vectors without context, of which word types are
            encoded, so that there is no time per token.
    """

    seconds: float | None = None
    cpu: float | None = None
    tokens: int = 0

    @property
    def microseconds_per_token(self) -> float | None:
        """Wall time per encoded token."""
        return 1e6 * self.seconds / self.tokens if self.seconds and self.tokens else None


def encoding_costs(folder: Path | None) -> dict[tuple[str, str], EncodingCost]:
    """Costs of encoding by task and fingerprint, as they are stored in ``folder``."""
    rows: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for cost in RecordStore(folder).costs() if folder else ():
        rows[(cost["task"], cost["fingerprint"])].append(cost)
    return {
        key: EncodingCost(
            sum(cost["seconds"] for cost in costs),
            sum(cost["cpu"] for cost in costs) if all("cpu" in c for c in costs) else None,
            sum(cost.get("encoded_tokens", 0) for cost in costs),
        )
        for key, costs in rows.items()
    }
