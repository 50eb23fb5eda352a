"""Scores on a copy of the test set with typing errors, by the heads that were trained without."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from elmobench.analysis.tables.score_tables import mean_sd
from elmobench.bench.predict import Predictor, has_head
from elmobench.core.errors import ElmobenchError
from elmobench.data.typos import Typos
from elmobench.metrics.base import get_metric
from elmobench.tasks.task import load_task
from elmobench.tracking.record import RecordStore, RunRecord


def typo_table(
    store: RecordStore,
    share: float,
    include: Sequence[Path] = (),
    told: Callable[[str], object] = lambda label: None,
) -> pd.DataFrame:
    """The score of every features with and without typing errors: mean ± sd over seeds.

    Heads and models must be on this machine; the sentences with errors are encoded on the spot.
    Gold labels stay as they are. Columns as in
    :func:`~elmobench.analysis.inspect.slices.slice_table`.

    Args:
        store: the records.
        share: of the words of at least four letters that get an error.
        include: folders of one's own task cards.
        told: hears which cell is at work.

    Raises:
        DataError: if a record is damaged.
    """
    rows: dict[tuple[str, str, str, str], dict[str, Any]] = {}
    scores: dict[tuple[str, str, str, str, str], list[float]] = defaultdict(list)
    for record in store.planned():
        path = store.record_path(record.cell)
        if record.result is None or not has_head(path):
            continue
        told(f"{record.task} · {record.features} · {record.head} · seed {record.seed}")
        try:
            before, after, count = _scores(record, path, share, include)
        except ElmobenchError:
            continue  # its data or a model of it is not here
        axes = " ".join(f"{k}={v}" for k, v in record.axes.items())
        for name, score in (
            ("as it is", before),
            (f"typing errors in {share:.0%} of the words", after),
        ):
            key = (record.task, record.head, axes, name)
            rows[key] = {"score": record.result.primary, "of": count}
            scores[*key, record.features].append(score)
    found = []
    for (task, head, axes, name), row in rows.items():
        values = {k[-1]: mean_sd(v) for k, v in scores.items() if k[:4] == (task, head, axes, name)}
        names = {"task": task, "head": head, "axes": axes, "slice": name}
        found.append({**names, **row, **values})
    table = pd.DataFrame(found)
    if found and len({row["axes"] for row in found}) == 1:
        table = table.drop(columns="axes")
    return table.fillna("–")


def _scores(
    record: RunRecord, path: Path, share: float, include: Sequence[Path]
) -> tuple[float, float, int]:
    """The head's score on the test set, on the copy with errors, and how many examples it has."""
    assert record.result is not None
    task = load_task(record.task, include=include, fold=record.identity.get("fold"))
    examples = list(task.split("test"))
    pipeline = task.pipeline
    metric, predictor = get_metric(record.result.metric), Predictor(path)
    gold = [pipeline.gold(example) for example in examples]
    both = []
    for respell in (None, Typos(share)):
        predicted = list(predictor.predict_examples(examples, respell))
        both.append(metric.compute(gold, predicted).values[record.result.primary])
    return both[0], both[1], len(examples)
