"""Ceilings and published scores, compared with ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from elmobench.analysis.tables.published import compare_with_published
from elmobench.analysis.tables.score_tables import mean_sd
from elmobench.tracking.record import RunRecord


def reference_table(
    records: Sequence[RunRecord], cards: dict[str, Any], margin: float
) -> pd.DataFrame:
    """Context-free ceilings and published scores of the tasks, compared with ours.

    Args:
        records: records of one experiment.
        cards: task cards by task; the published scores on a card come first.
        margin: see :func:`~elmobench.analysis.tables.published.compare_with_published`.
    """
    rows = []
    comparisons = compare_with_published(records, margin)
    for task in dict.fromkeys(record.task for record in records):
        card = cards.get(task)
        if card is not None and card.ceiling is not None:
            ceiling = card.ceiling
            rows.append(
                {
                    "task": task,
                    "score": f"{ceiling.context_free:.2f}",
                    "reference": "context-free ceiling",
                    "source": ceiling.why,
                }
            )
        for number in card.published if card is not None else ():
            rows.append(
                {
                    "task": task,
                    "score": _with_spread(number.score, number.sd),
                    "reference": f"{number.metric}: {number.model}",
                    "source": number.source + (f" ({number.note})" if number.note else ""),
                }
            )
        for row in comparisons:
            number = row.number
            # For other data the main results suffice to show what the field reaches.
            if row.task != task or (
                row.verdict == "other data" and number.table not in _MAIN_TABLES
            ):
                continue
            data = "" if number.card == task else f"{number.dataset}, "
            split = "" if number.split == "test" else f"{number.split} "
            rows.append(
                {
                    "task": task,
                    "score": _with_spread(number.score, number.sd),
                    "reference": f"{data}{split}{number.metric}: {number.system}",
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


_MAIN_TABLES = ("1", "5", "6")
_VERDICTS = {
    "other data": "not comparable: other data",
    "other model": "not comparable: another model here",
}


def _with_spread(score: float, sd: float | None) -> str:
    return f"{score}" if sd is None else f"{score} ± {sd}"
