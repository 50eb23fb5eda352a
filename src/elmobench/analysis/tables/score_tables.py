"""The tables of a report: scores, layer weights, costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from elmobench.analysis.stats.resampling import mean_interval
from elmobench.analysis.tables.published import beside
from elmobench.analysis.tables.results_frame import axes_of
from elmobench.tracking.record import RecordStore, RunInfo, RunRecord


def mean_sd(values: Sequence[float], digits: int = 2) -> str:
    """``mean ± sd`` with the sample standard deviation; the mean alone for one value."""
    if not len(values):
        return "–"
    mean = float(np.mean(values))
    if len(values) == 1:
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} ± {float(np.std(values, ddof=1)):.{digits}f}"


def score_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows task, metric, head (and further axes); a column of ``mean ± sd`` for each features.

    The spread is over seeds. Order follows the first appearance in ``frame``. Where a task was
    run on several folds, a row ``mean of …`` follows them: the mean of the folds' means, and the
    spread over folds.
    """
    done = with_fold_means(frame[frame["status"] == "ok"])
    keys = ["task", "metric", "head", *axes_of(frame)]
    features = list(dict.fromkeys(frame["features"]))
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    seeds: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for values, group in done.groupby([*keys, "features"], sort=False, dropna=False):
        key = values[:-1]
        row = rows.setdefault(key, dict(zip(keys, key, strict=True)))
        seeds[key] += [int(seed) for seed in group["seed"].dropna()]
        row[str(values[-1])] = mean_sd([float(score) for score in group["score"]])
    table = pd.DataFrame(rows.values(), columns=[*keys, *features])
    table.insert(len(keys), "seeds", [_span(seeds[key]) for key in rows])
    return table.fillna("–")


def with_fold_means(frame: pd.DataFrame) -> pd.DataFrame:
    """``frame`` with rows for the mean over folds after each group that has several folds.

    Such a row stands for one fold: its ``score`` is the fold's mean over seeds, and ``fold`` says
    ``mean of N``, so that grouping gives the mean and the spread over folds.
    """
    if "fold" not in frame:
        return frame
    others = [name for name in axes_of(frame) if name != "fold"]
    groups = []
    for _, group in frame.groupby(["task", "head", *others], sort=False, dropna=False):
        groups.append(group)
        folds = group["fold"].nunique()
        if folds > 1:
            mean = group.groupby(["features", "fold"], sort=False, as_index=False).agg(
                {**dict.fromkeys(["task", "metric", "head", *others], "first"), "score": "mean"}
            )
            groups.append(mean.assign(fold=f"mean of {folds}"))
    return pd.concat(groups, ignore_index=True) if groups else frame


def score_statistics(frame: pd.DataFrame) -> pd.DataFrame:
    """One row for each task, head, further axes and features: mean, sd, number of seeds.

    ``low`` and ``high`` are Student's 95 % interval of the mean over seeds, empty for one seed.
    Numbers, for spreadsheets and further analysis; :func:`score_table` is for people.
    """
    done = frame[frame["status"] == "ok"]
    keys = ["task", "metric", "head", *axes_of(frame), "features"]
    grouped = done.groupby(keys, sort=False, dropna=False)
    table = grouped["score"].agg(["mean", "std", "count"]).reset_index()
    table = table.rename(columns={"std": "sd", "count": "seeds"})
    intervals = [mean_interval(list(group)) or (None, None) for _, group in grouped["score"]]
    table["low"], table["high"] = zip(*intervals, strict=True) if intervals else ((), ())
    costs = grouped[["train_seconds", "epoch_seconds", "head_parameters"]].mean().reset_index()
    return table.merge(costs, on=keys)


@dataclass(frozen=True)
class LearnedMix:
    """The mixes that the seeds of one group of cells learned.

    Attributes:
        task, head, axes, features, placement, part: which; ``axes`` as ``name=value`` words.
        mixes: of each seed: ``s``, ``gamma`` and ``w`` of the best epoch.
        curves: of each seed, the same after every epoch.
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
    """Mixes of parts with several layers, in the records' order, seeds together.

    A mix in which nothing chose the weights (uniform, one layer, a head of one pass) is left out.
    """
    groups: dict[tuple[str, ...], LearnedMix] = {}
    for record in records:
        if record.result is None:
            continue
        axes = " ".join(f"{k}={v}" for k, v in record.axes.items())
        for placement, parts in record.result.layer_weights.items():
            for part, mix in parts.items():
                if mix.get("w") is None:
                    continue
                key = (record.task, record.head, axes, record.features, placement, part)
                group = groups.setdefault(key, LearnedMix(*key, mixes=[], curves=[]))
                group.mixes.append(mix)
                group.curves.append(
                    [row.layer_weights[placement][part] for row in record.result.curve]
                )
    return list(groups.values())


def layer_weight_table(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Learned weights of the best epoch: mean ± sd over seeds, see :func:`learned_mixes`.

    Columns ``s0`` … are softmax weights (they sum to 1 over layers), ``γ`` the scale.
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
        # Representations with more layers than the first one brought their columns after it.
        table["γ"] = table.pop("γ")
    return table.fillna("–")


def cost_table(records: Iterable[RunRecord], folder: Path | None = None) -> pd.DataFrame:
    """What each representation costs, by task.

    Columns: parameters of the providers, stored bytes a token (a word type, for vectors without
    context), seconds to encode the task, by the clock and of processors, and microseconds a token
    of it by the clock (once; from ``features.json`` in ``folder``), mean seconds to train a cell
    (with its share of a search) and an epoch, and trained parameters.
    """
    encoding = _encoding_costs(folder)
    groups: dict[tuple[str, str, str], list[RunRecord]] = defaultdict(list)
    for record in records:
        if record.run is not None:
            groups[(record.task, record.head, record.features)].append(record)
    rows = []
    for (task, head, features), cells in groups.items():
        runs = [cell.run for cell in cells if cell.run is not None]
        prints = [part["fingerprint"] for part in cells[0].identity["parts"]]
        costs = [encoding.get((task, fingerprint), _EncodingCost()) for fingerprint in prints]
        frozen = {k: v for k, v in runs[0].parameters.items() if k != "head"}
        rows.append(
            {
                "task": task,
                "head": head,
                "features": features,
                "provider parameters": _short(sum(frozen.values())),
                "head parameters": _short(runs[0].parameters["head"]),
                "bytes a token": round(sum(runs[0].bytes_per_token.values())),
                "encode s": _sum([cost.seconds for cost in costs], 1),
                "encode cpu s": _sum([cost.cpu for cost in costs], 1),
                "µs a token": _sum([cost.token for cost in costs], 0),
                "train s a cell": f"{np.mean([_training_seconds(run) for run in runs]):.1f}",
                "cpu s a cell": _mean_cpu(runs),
                "s an epoch": f"{np.mean([run.seconds['epoch_mean'] for run in runs]):.2f}",
                "covered": _coverage(cells[0]),
                "peak MB": round(max(run.peak_memory_bytes for run in runs) / 1e6),
            }
        )
    table = pd.DataFrame(rows)
    for column in ("covered", "cpu s a cell", "encode cpu s", "µs a token"):
        if rows and all(row[column] == "–" for row in rows):
            table = table.drop(columns=column)
    return table


def reference_table(
    records: Sequence[RunRecord], cards: dict[str, Any], margin: float
) -> pd.DataFrame:
    """What our scores stand beside: context-free ceilings and published numbers.

    Args:
        records: of one experiment.
        cards: by task; their own numbers come first.
        margin: for the verdicts, see :func:`~elmobench.analysis.tables.published.beside`.
    """
    rows = []
    comparisons = beside(records, margin)
    for task in dict.fromkeys(record.task for record in records):
        card = cards.get(task)
        if card is not None and card.ceiling is not None:
            ceiling = card.ceiling
            rows.append(
                {
                    "task": task,
                    "score": f"{ceiling.context_free:.2f}",
                    "what": "context-free ceiling",
                    "source": ceiling.why,
                }
            )
        for number in card.published if card is not None else ():
            rows.append(
                {
                    "task": task,
                    "score": _with_spread(number.score, number.sd),
                    "what": f"{number.metric}: {number.model}",
                    "source": number.source + (f" ({number.note})" if number.note else ""),
                }
            )
        for row in comparisons:
            number = row.number
            # Of other data the main results are enough to know what the field reaches.
            if row.task != task or (row.verdict == "other data" and number.table not in _MAIN):
                continue
            data = "" if number.card == task else f"{number.dataset}, "
            split = "" if number.split == "test" else f"{number.split} "
            rows.append(
                {
                    "task": task,
                    "score": _with_spread(number.score, number.sd),
                    "what": f"{data}{split}{number.metric}: {number.system}",
                    "source": number.place + (f" ({number.note})" if number.note else ""),
                    "ours": mean_sd(row.ours),
                    "verdict": _VERDICTS.get(row.verdict, row.verdict),
                }
            )
    table = pd.DataFrame(rows)
    for column in ("ours", "verdict"):
        if column in table and (table[column].isna() | (table[column] == "–")).all():
            table = table.drop(columns=column)
    return table.fillna("–")


_MAIN = ("1", "5", "6")
_VERDICTS = {
    "other data": "not comparable: other data",
    "other model": "not comparable: another model here",
}


def _with_spread(score: float, sd: float | None) -> str:
    return f"{score}" if sd is None else f"{score} ± {sd}"


def _short(count: int) -> str:
    """A number of parameters: ``950``, ``12.3 k``, ``93.6 M``."""
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if count >= limit:
            return f"{count / limit:.1f} {unit}"
    return str(count)


def _training_seconds(run: RunInfo) -> float:
    return run.seconds["train"] + run.seconds.get("select", 0.0)


def _mean_cpu(runs: list[RunInfo]) -> str:
    """Processor seconds a cell; records of before they were kept have none."""
    seconds = [run.seconds["cpu"] for run in runs if "cpu" in run.seconds]
    return f"{np.mean(seconds):.1f}" if seconds else "–"


def _coverage(record: RunRecord) -> str:
    """Share of the tokens that have a vector, where words can lack one."""
    shares = [c["tokens"] for c in record.result.coverage.values()] if record.result else []
    return f"{100 * min(shares):.1f} %" if shares else "–"


def _span(seeds: Iterable[int]) -> str:
    """``1–5`` for a run of integers, else the list."""
    values = sorted(set(seeds))
    if len(values) > 2 and values == list(range(values[0], values[-1] + 1)):
        return f"{values[0]}–{values[-1]}"
    return ", ".join(map(str, values))


def _sum(values: Sequence[float | None], digits: int) -> str:
    """The sum, or a dash where one is not known."""
    known = [value for value in values if value is not None]
    return f"{sum(known):.{digits}f}" if len(known) == len(values) else "–"


@dataclass(frozen=True)
class _EncodingCost:
    """Of one task and fingerprint, in all; None where nobody knows.

    Attributes:
        seconds: wall time, of all workers together.
        cpu: processor seconds of the workers (not of a GPU, or of a process that a provider
            starts).
        tokens: that were encoded in them. Of vectors without context word types are encoded, which
            says nothing of a token: no tokens.
    """

    seconds: float | None = None
    cpu: float | None = None
    tokens: int = 0

    @property
    def token(self) -> float | None:
        """Microseconds by the clock."""
        return 1e6 * self.seconds / self.tokens if self.seconds and self.tokens else None


def _encoding_costs(folder: Path | None) -> dict[tuple[str, str], _EncodingCost]:
    rows: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for cost in RecordStore(folder).costs() if folder else ():
        rows[(cost["task"], cost["fingerprint"])].append(cost)
    return {
        key: _EncodingCost(
            sum(cost["seconds"] for cost in costs),
            sum(cost["cpu"] for cost in costs) if all("cpu" in c for c in costs) else None,
            sum(cost.get("encoded_tokens", 0) for cost in costs),
        )
        for key, costs in rows.items()
    }
