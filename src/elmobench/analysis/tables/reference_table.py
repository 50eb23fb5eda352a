"""Ceilings and published scores, compared with ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from elmobench.analysis.tables.published_comparison import Comparison, compare_with_published
from elmobench.analysis.tables.score_tables import mean_sd
from elmobench.data.cards.card import TaskCard
from elmobench.tracking.record import RunRecord

NUMBER_COLUMNS = ("score", "ours", "difference", "margin")
"""The columns of :func:`reference_table` that hold numbers."""


def reference_table(
    records: Sequence[RunRecord], cards: Mapping[str, TaskCard], margin: float
) -> pd.DataFrame:
    """Context-free ceilings and published scores of the tasks, compared with ours.

    Every row with our scores has their difference from the published score with its 95 % interval,
    the margin, and the verdict: reproduced, missed or undecided. Other published scores are not
    comparable, and the verdict says why. :func:`references_caption` explains the table.

    Args:
        records: records of one experiment.
        cards: task cards by task; the published scores on a card come first.
        margin: see :func:`~elmobench.analysis.tables.published_comparison.compare_with_published`.
    """
    rows = []
    comparisons = compare_with_published(records, margin, cards=cards)
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
        # For other data the main results suffice to show what the field reaches.
        rows += [
            _row(row)
            for row in comparisons
            if row.task == task and (row.same_data or row.number.table in _MAIN_TABLES)
        ]
    table = pd.DataFrame(rows, columns=_COLUMNS) if rows else pd.DataFrame()
    return table.dropna(axis="columns", how="all").fillna("–")


def references_caption(margin: float) -> str:
    """How to read :func:`reference_table`.

    Args:
        margin: the experiment's margin, in points.
    """
    return (
        "Context-free ceilings of control tasks, and published scores. Difference: mean of our "
        "scores minus the published score, with its 95 % interval over seeds (Student's, or "
        "Welch's if the published score has a spread). A published score without a spread or a "
        "number of seeds counts as exact. Reproduced: the difference is shown to be smaller than "
        f"the experiment's margin of {margin} points (two one-sided tests at 5 %). Missed: the "
        "interval excludes zero. Undecided: neither; one seed, or equal scores of several seeds, "
        "do not show a spread and decide nothing, except for heads that are fitted in one pass "
        "without chance."
    )


_COLUMNS = ("task", "score", "reference", "source", "ours", "difference", "margin", "verdict")
_MAIN_TABLES = ("1", "5", "6")


def _row(row: Comparison) -> dict[str, str]:
    number = row.number
    data = "" if row.same_data else f"{number.dataset}, "
    split = "" if number.split == "test" else f"{number.split} "
    cells = {
        "task": row.task,
        "score": f"{number.score}" if number.sd is None else f"{number.score} ± {number.sd}",
        "reference": f"{data}{split}{number.metric}: {number.system}",
        "source": number.place + (f" ({number.note})" if number.note else ""),
        "verdict": f"{row.verdict}: {row.reason}" if row.reason else row.verdict,
    }
    if row.difference is not None:
        low, high = row.interval or (None, None)
        interval = "" if low is None else f" ({low:+.2f} … {high:+.2f})"
        cells |= {
            "ours": f"{mean_sd(row.ours)} ({row.features})",
            "difference": f"{row.difference:+.2f}{interval}",
            "margin": f"{row.margin}",
        }
    return cells
