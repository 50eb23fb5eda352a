"""The layer weights that mixes learned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from elmobench.analysis.tables.score_tables import mean_sd
from elmobench.tracking.record import RunRecord


@dataclass(frozen=True)
class LearnedMix:
    """The mixes learned by a group of cells that differ only in the seed.

    Attributes:
        task, head, axes, features, placement, part: the group; ``axes`` as ``name=value`` words.
        mixes: for each seed ``s``, ``gamma`` and ``w`` of the best epoch.
        curves: for each seed the same values after every epoch.
    """

    task: str
    head: str
    axes: str
    features: str
    placement: str
    part: str
    mixes: list[dict[str, Any]]
    curves: list[list[dict[str, Any]]]


def learned_mixes(records: Iterable[RunRecord]) -> list[LearnedMix]:
    """The learned mixes of parts with several layers, grouped over seeds, in the records' order.

    Mixes whose weights were not learned (uniform, one layer, a head fitted in one pass) are left
    out.
    """
    groups: dict[tuple[object, ...], LearnedMix] = {}
    for record in records:
        if record.result is None:
            continue
        axes = " ".join(f"{k}={v}" for k, v in record.axes.items())
        for placement, parts in record.result.layer_weights.items():
            for part, mix in parts.items():
                if mix.get("w") is None:
                    continue
                key = (record.task, record.head, axes, record.features, placement, part)
                group = groups.setdefault(
                    (*key, len(mix["s"])), LearnedMix(*key, mixes=[], curves=[])
                )
                group.mixes.append(mix)
                group.curves.append(
                    [row.layer_weights[placement][part] for row in record.result.curve]
                )
    return list(groups.values())


def layer_weight_table(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Learned layer weights of the best epoch, mean ± sd over seeds; see :func:`learned_mixes`.

    Columns ``s0`` … are softmax weights (they sum to 1 over layers), ``γ`` is the scale.
    """
    rows = []
    for group in learned_mixes(records):
        row: dict[str, Any] = {
            name: getattr(group, name)
            for name in ("task", "head", "axes", "features", "placement", "part")
        }
        for j in range(len(group.mixes[0]["s"])):
            row[f"s{j}"] = mean_sd([mix["s"][j] for mix in group.mixes])
        row["γ"] = mean_sd([mix["gamma"] for mix in group.mixes])
        rows.append(row)
    table = pd.DataFrame(rows)
    if rows and not any(row["axes"] for row in rows):
        table = table.drop(columns="axes")
    if rows:
        # Representations with more layers than the first one added their columns after γ.
        table["γ"] = table.pop("γ")
    return table.fillna("–")
