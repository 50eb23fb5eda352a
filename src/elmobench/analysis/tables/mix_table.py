"""What a mix reads: its weights, weights times norms, and the loss of score without a layer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from elmobench.analysis.stats.estimate import mean_interval
from elmobench.analysis.tables.number_texts import interval_text, number_text
from elmobench.core.digests import canonical_json
from elmobench.core.errors import ConfigError
from elmobench.features.spec import parse_features
from elmobench.tracking.record import RunRecord

MIXES: Final = "What the mix reads"
"""Title of the table."""

MIXES_EXPLAINED: Final = (
    "For each layer of a learned mix: its softmax weight s; the mean norm of its vectors in train; "
    "its share of the sum of weights times norms; and the score with all layers minus the score of "
    "the same head trained without it, with Student's 95 % interval over seeds. A layer with a "
    "large weight may be replaced by the others: then the loss without it is small."
)

_WITHOUT = "without="


@dataclass(frozen=True)
class MixedLayer:
    """One layer of a learned mix, over the seeds of one task and head.

    Attributes:
        task, head, features, placement, part: of the mix.
        axes: values of the further axes, without ``mix``.
        layer: number of the layer, from 0.
        seeds: number of runs.
        weight: mean softmax weight.
        norm: mean norm of the layer's vectors; None in records of earlier versions.
        share: mean share of weight times norm in the sum over the layers.
        loss: mean score minus that of the runs without the layer with the same seeds; None without
            such runs.
        loss_low, loss_high: Student's 95 % interval of it; None for fewer than three seeds.
    """

    task: str
    head: str
    features: str
    placement: str
    part: str
    axes: dict[str, Any]
    layer: int
    seeds: int
    weight: float
    norm: float | None
    share: float | None
    loss: float | None
    loss_low: float | None
    loss_high: float | None


def mixed_layers(records: Iterable[RunRecord]) -> list[MixedLayer]:
    """The layers of all learned mixes of which norms or runs without a layer are known.

    Cells with control labels are left out. A run without a layer has ``@mix=without=K`` at a part
    of its features, or ``without=K`` on the axis ``mix``.
    """
    groups: defaultdict[tuple[str, ...], list[RunRecord]] = defaultdict(list)
    without: defaultdict[tuple[str, ...], dict[int, RunRecord]] = defaultdict(dict)
    for record in records:
        if record.result is None or record.is_control:
            continue
        left_out = _left_out(record)
        if left_out is not None:
            features, part, layer = left_out
            without[(*_key(record, features), part, str(layer))][record.seed] = record
            continue
        for placement, parts in record.result.layer_weights.items():
            for part, mix in parts.items():
                if mix.get("w") is not None and len(mix["w"]) == len(mix["s"]):
                    groups[(*_key(record, record.features), placement, part)].append(record)
    rows: list[MixedLayer] = []
    for (*key, placement, part), group in groups.items():
        first = group[0].result
        assert first is not None, "records without a result were left out"
        alone = sum(len(mix.get("s") or ()) > 1 for mix in first.layer_weights[placement].values())
        layers = []
        for layer in range(len(first.layer_weights[placement][part]["s"])):
            runs = without.get((*key, part, str(layer)), {})
            if not runs and alone == 1:
                runs = without.get((*key, "", str(layer)), {})
            layers.append(_layer(group, placement, part, layer, runs))
        if any(row.norm is not None or row.loss is not None for row in layers):
            rows += layers
    return rows


def mix_table(rows: Sequence[MixedLayer]) -> pd.DataFrame:
    """The rows as text; columns that no row fills are left out."""
    table = pd.DataFrame([_texts(row) for row in rows])
    if table.empty:
        return table
    empty = [name for name in table.columns if table[name].isin(["–", ""]).all()]
    if set(table["placement"]) == {"input"}:
        empty.append("placement")
    if (table["part"] == table["features"]).all():
        empty.append("part")
    return table.drop(columns=empty)


def _key(record: RunRecord, features: str) -> tuple[str, str, str, str]:
    """What runs with all layers and without one have in common."""
    return record.task, record.head, features, canonical_json(_axes(record))


def _axes(record: RunRecord) -> dict[str, Any]:
    """The further axes without a mix that is learned over all layers or all but one."""
    mix = str(record.axes.get("mix", ""))
    drop = {"labels"} | ({"mix"} if mix == "learned" or mix.startswith(_WITHOUT) else set())
    return {name: value for name, value in record.axes.items() if name not in drop}


def _left_out(record: RunRecord) -> tuple[str, str, int] | None:
    """The features with all layers, the part that lacks one, and that layer; None if none does.

    The part is empty if the axis ``mix`` names the layer.
    """
    mix = str(record.axes.get("mix", ""))
    if mix.startswith(_WITHOUT):
        return record.features, "", int(mix.removeprefix(_WITHOUT))
    try:
        spec = parse_features(record.features)
    except ConfigError:  # A record of another program may have any name.
        return None
    for i, part in enumerate(spec.parts):
        setting = part.setting("mix") or ""
        if setting.startswith(_WITHOUT):
            name = part.name if spec.names.count(part.name) == 1 else f"{part.name}#{i + 1}"
            base = spec.with_part(i, part.without_setting("mix"))
            return str(base), name, int(setting.removeprefix(_WITHOUT))
    return None


def _layer(
    group: Sequence[RunRecord], placement: str, part: str, layer: int, runs: dict[int, RunRecord]
) -> MixedLayer:
    weights, norms, shares = [], [], []
    for record in group:
        assert record.result is not None
        s = record.result.layer_weights[placement][part]["s"]
        weights.append(s[layer])
        own = record.run.layer_norms.get(part, []) if record.run is not None else []
        if len(own) == len(s):
            products = np.asarray(s) * np.asarray(own)
            norms.append(own[layer])
            shares.append(float(products[layer] / products.sum()) if products.sum() > 0 else 0.0)
    losses = [_score(r) - _score(runs[r.seed]) for r in group if r.seed in runs]
    low, high = mean_interval(losses) or (None, None)
    return MixedLayer(
        task=group[0].task,
        head=group[0].head,
        features=group[0].features,
        placement=placement,
        part=part,
        axes=_axes(group[0]),
        layer=layer,
        seeds=len(group),
        weight=float(np.mean(weights)),
        norm=float(np.mean(norms)) if norms else None,
        share=float(np.mean(shares)) if shares else None,
        loss=float(np.mean(losses)) if losses else None,
        loss_low=low,
        loss_high=high,
    )


def _score(record: RunRecord) -> float:
    assert record.result is not None
    return record.result.test[record.result.primary]


def _texts(row: MixedLayer) -> dict[str, str]:
    loss = interval_text(row.loss, row.loss_low, row.loss_high)
    return {
        "task": row.task,
        "head": row.head,
        "axes": " ".join(f"{name}={value}" for name, value in row.axes.items()),
        "features": row.features,
        "placement": row.placement,
        "part": row.part,
        "layer": str(row.layer),
        "s": number_text(row.weight),
        "mean norm": number_text(row.norm),
        "share of s × norm": number_text(row.share),
        "loss without it": loss,
    }
