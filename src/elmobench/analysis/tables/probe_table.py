"""What judges a probe, next to its score: selectivity, description length, baselines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from elmobench.analysis.stats.comparable import HEADS_WITHOUT_FEATURES
from elmobench.analysis.stats.estimate import mean_interval
from elmobench.analysis.tables.number_texts import interval_text, number_text
from elmobench.core.digests import canonical_json
from elmobench.core.errors import ConfigError
from elmobench.features.spec import FeaturesSpec, parse_features
from elmobench.tracking.record import Result, RunRecord
from elmobench.tracking.run_flags import run_flags

PROBES: Final = "Probes"
"""Title of the table."""

PROBES_EXPLAINED: Final = (
    "Control is the score on random labels by word, span or pair, and selectivity the score "
    "minus it, with Student's 95 % interval over seeds. Bits: length of the online code per label "
    "of train; compression: the uniform code divided by it. Majority reads no vectors; layer 0 is "
    "the same probe on the context-free layer; the best layer is chosen on dev. Converged: runs "
    "whose best dev epoch was not the last one allowed."
)

_OF_THE_DATA: Final = ("train_fraction", "fold", "limit")
"""Axes that a baseline without vectors shares with a probe."""


@dataclass(frozen=True)
class ProbeRow:
    """One probe on one task, over its seeds. Scores are test scores in percent.

    Attributes:
        task, head, features: of the probe.
        axes: values of the further axes, without ``labels``.
        seeds: number of runs on the given labels.
        score: mean score on the given labels; ``sd`` is None for one run.
        control: mean score on control labels; None without such runs.
        selectivity: mean of score minus control over the seeds that both have.
        selectivity_low, selectivity_high: Student's 95 % interval of it; None for fewer than three
            seeds, or equal differences.
        bits_per_label: mean length of the online code per label; None without one.
        compression: mean of uniform length divided by code length.
        majority: mean score of the baseline without vectors.
        layer_0: mean score of the probe on layer 0 of the same model.
        best_layer: the single layer with the highest mean dev score, of two or more.
        best_layer_score: its mean test score.
        converged: number of runs whose best dev epoch was not the last one allowed.
    """

    task: str
    head: str
    features: str
    axes: dict[str, Any]
    seeds: int
    score: float
    sd: float | None
    control: float | None
    selectivity: float | None
    selectivity_low: float | None
    selectivity_high: float | None
    bits_per_label: float | None
    compression: float | None
    majority: float | None
    layer_0: float | None
    best_layer: int | None
    best_layer_score: float | None
    converged: int


@dataclass(frozen=True)
class _Run:
    """A finished cell with what it is compared by.

    Attributes:
        record, result: of the cell.
        axes: without ``labels``.
        base: its features and axes without a single layer that they choose.
        layer: that layer; None if they choose none.
    """

    record: RunRecord
    result: Result
    axes: dict[str, Any]
    base: str
    layer: int | None

    @property
    def score(self) -> float:
        return self.result.test[self.result.primary]

    @property
    def group(self) -> tuple[str, str, str, str]:
        record = self.record
        return record.task, record.head, record.features, canonical_json(self.axes)


def probe_rows(records: Iterable[RunRecord]) -> list[ProbeRow]:
    """One row for each probe with control labels or an online code, in the records' order."""
    runs = [_run(record, record.result) for record in records if record.result is not None]
    groups: defaultdict[tuple[str, str, str, str], list[_Run]] = defaultdict(list)
    controls: defaultdict[tuple[str, str, str, str], list[_Run]] = defaultdict(list)
    for run in runs:
        if run.record.head not in HEADS_WITHOUT_FEATURES:
            (controls if run.record.is_control else groups)[run.group].append(run)
    given = [run for run in runs if not run.record.is_control]
    return [
        _row(group, controls[key], given)
        for key, group in groups.items()
        if controls[key] or any(run.result.online_code for run in group)
    ]


def probe_table(rows: Sequence[ProbeRow]) -> pd.DataFrame:
    """The rows as text; columns that no row fills are left out."""
    table = pd.DataFrame([_texts(row) for row in rows])
    if table.empty:
        return table
    kept = [c for c in table.columns if c == "features" or not table[c].isin(["–", ""]).all()]
    return table[kept]


def _row(group: Sequence[_Run], controls: Sequence[_Run], given: Sequence[_Run]) -> ProbeRow:
    first = group[0]
    scores = [run.score for run in group]
    by_seed = {run.record.seed: run.score for run in controls}
    differences = [r.score - by_seed[r.record.seed] for r in group if r.record.seed in by_seed]
    low, high = mean_interval(differences) or (None, None)
    codes = [run.result.online_code for run in group if run.result.online_code is not None]
    labels = [sum(portion.labels for portion in code.portions) for code in codes]
    layers = _layers(group, given) if first.layer is None else {}
    best = max(layers, key=lambda k: _mean_dev(layers[k])) if len(layers) > 1 else None
    return ProbeRow(
        task=first.record.task,
        head=first.record.head,
        features=first.record.features,
        axes=first.axes,
        seeds=len(group),
        score=float(np.mean(scores)),
        sd=float(np.std(scores, ddof=1)) if len(scores) > 1 else None,
        control=_mean([run.score for run in controls]),
        selectivity=_mean(differences),
        selectivity_low=low,
        selectivity_high=high,
        bits_per_label=_mean(
            [code.bits / n for code, n in zip(codes, labels, strict=True) if n > 0]
        ),
        compression=_mean([code.compression for code in codes if code.compression is not None]),
        majority=_mean([run.score for run in given if _is_baseline(run, first)]),
        layer_0=_mean([run.score for run in layers.get(0, ())]),
        best_layer=best,
        best_layer_score=None if best is None else _mean([run.score for run in layers[best]]),
        converged=sum(not run_flags(run.record).rising for run in group),
    )


def _run(record: RunRecord, result: Result) -> _Run:
    axes = {name: value for name, value in record.axes.items() if name != "labels"}
    spec, layer = _without_layer(record.features)
    mix = str(axes.get("mix", ""))
    others = axes
    if layer is None and mix.startswith("layer="):
        layer = int(mix.removeprefix("layer="))
    if mix == "learned" or mix.startswith("layer="):
        others = {name: value for name, value in axes.items() if name != "mix"}
    return _Run(record, result, axes, canonical_json([spec, others]), layer)


def _without_layer(features: str) -> tuple[str, int | None]:
    """The spec without the layer that its parts set, and that layer; several layers are kept."""
    try:
        spec = parse_features(features)
    except ConfigError:  # A record of another program may have any name.
        return features, None
    layers = {part.setting("layer") for part in spec.parts} - {None}
    if len(layers) != 1:
        return features, None
    (layer,) = layers
    if layer is None or not (layer.isascii() and layer.isdecimal()):
        return features, None
    parts = tuple(part.without_setting("layer") for part in spec.parts)
    return str(FeaturesSpec(parts)), int(layer)


def _layers(group: Sequence[_Run], given: Sequence[_Run]) -> dict[int, list[_Run]]:
    """The runs of the same probe on single layers of the same model, by layer."""
    probe = group[0]
    # A model with one layer has the same cells whatever layer is asked for.
    own = {run.record.cell for run in group}
    found: defaultdict[int, list[_Run]] = defaultdict(list)
    for run in given:
        record = run.record
        same = (record.task, record.head, run.base) == (
            *(probe.record.task, probe.record.head),
            probe.base,
        )
        if same and run.layer is not None and record.cell not in own:
            own.add(record.cell)
            found[run.layer].append(run)
    return found


def _is_baseline(run: _Run, probe: _Run) -> bool:
    record = run.record
    return (
        record.head in HEADS_WITHOUT_FEATURES
        and record.head != "first-sense"
        and record.task == probe.record.task
        and all(run.axes.get(name) == probe.axes.get(name) for name in _OF_THE_DATA)
    )


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _mean_dev(runs: Sequence[_Run]) -> float:
    return float(np.mean([run.result.dev[run.result.primary] for run in runs]))


def _texts(row: ProbeRow) -> dict[str, str]:
    selectivity = interval_text(row.selectivity, row.selectivity_low, row.selectivity_high)
    score = number_text(row.score) if row.sd is None else f"{row.score:.2f} ± {row.sd:.2f}"
    best = (
        "–" if row.best_layer is None else f"{row.best_layer}: {number_text(row.best_layer_score)}"
    )
    return {
        "task": row.task,
        "head": row.head,
        "axes": " ".join(f"{name}={value}" for name, value in row.axes.items()),
        "features": row.features,
        "score": score,
        "control": number_text(row.control),
        "selectivity": selectivity,
        "bits": number_text(row.bits_per_label),
        "compression": number_text(row.compression),
        "majority": number_text(row.majority),
        "layer 0": number_text(row.layer_0),
        "best layer": best,
        "converged": f"{row.converged} of {row.seeds}",
    }
