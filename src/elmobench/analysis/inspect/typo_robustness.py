"""Scores of trained heads on a copy of the test set with typing errors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pandas as pd

from elmobench.analysis.tables.score_tables import mean_sd
from elmobench.bench.predict import Predictor, has_head
from elmobench.core.errors import ElmobenchError
from elmobench.data.cards.catalog import CardCatalog
from elmobench.data.sampling import Limit
from elmobench.data.typos import Typos
from elmobench.metrics.base import get_metric
from elmobench.tasks.task import Task
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore
from elmobench.training.saved import DamagedHeadError


def typo_table(
    store: RecordStore,
    share: float,
    cards: CardCatalog | None = None,
    on_cell: Callable[[str], object] = lambda label: None,
) -> pd.DataFrame:
    """Scores of every representation with and without typing errors, mean ± sd over seeds.

    Heads and models must be on this machine; sentences with errors are encoded by this function.
    Gold labels are unchanged. The columns are those of
    :func:`~elmobench.analysis.inspect.slices.slice_table`.

    Args:
        store: the records.
        share: share of the words of at least four letters that get an error.
        cards: the task cards; None for those found without ``--include``.
        on_cell: called with the label of each cell before it is scored.

    Raises:
        DataError: if a record is damaged.
        DamagedHeadError: if a trained head is damaged.
    """
    cards = cards or CardCatalog()
    rows: dict[tuple[str, str, str, str], dict[str, Any]] = {}
    scores: dict[tuple[str, str, str, str, str], list[float]] = defaultdict(list)
    for record in store.planned():
        # A misspelt word is another type, which has no control label to keep.
        if record.result is None or record.is_control or not has_head(store, record.cell):
            continue
        on_cell(f"{record.task} · {record.features} · {record.head} · seed {record.seed}")
        try:
            before, after, count = _scores(store, record, share, cards)
        except DamagedHeadError:
            raise
        except ElmobenchError:
            continue  # its data or one of its models is not on this machine
        axes = " ".join(f"{k}={v}" for k, v in record.axes.items())
        for name, score in (
            ("unchanged", before),
            (f"typing errors in {share:.0%} of the words", after),
        ):
            key = (record.task, record.head, axes, name)
            rows[key] = {"score": record.result.primary, "of": count}
            scores[*key, record.features].append(score)
    table_rows = []
    for (task, head, axes, name), row in rows.items():
        values = {k[-1]: mean_sd(v) for k, v in scores.items() if k[:4] == (task, head, axes, name)}
        names = {"task": task, "head": head, "axes": axes, "slice": name}
        table_rows.append({**names, **row, **values})
    table = pd.DataFrame(table_rows)
    if table_rows and len({row["axes"] for row in table_rows}) == 1:
        table = table.drop(columns="axes")
    return table.fillna("–")


def _scores(
    store: RecordStore, record: RunRecord, share: float, cards: CardCatalog
) -> tuple[float, float, int]:
    """Scores of the head on the test set and on the copy with errors; number of examples."""
    assert record.result is not None
    limit = Limit.parse_optional(record.limit)
    task = Task(cards.get(record.task), fold=record.identity.get("fold"), limit=limit)
    examples = list(task.split("test"))
    pipeline = task.pipeline
    metric, predictor = get_metric(record.result.metric), Predictor(store, record.cell)
    gold = [pipeline.gold(example) for example in examples]
    scores = []
    for respell in (None, Typos(share)):
        predicted = list(predictor.predict_examples(examples, respell))
        scores.append(metric.compute(gold, predicted).values[record.result.primary])
    return scores[0], scores[1], len(examples)
