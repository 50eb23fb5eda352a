"""A comparison of two systems as a table for people."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from elmobench.analysis.stats.correction import p_text
from elmobench.analysis.stats.difference_row import Difference, interval_text


def comparison_table(rows: Sequence[Difference]) -> pd.DataFrame:
    """One row of text per comparison: task with further axes, difference, interval, p, verdict."""
    return pd.DataFrame(
        [
            {
                "task": row.task + "".join(f" {key}={value}" for key, value in row.axes.items()),
                "head": row.head,
                "seeds": row.seeds_text,
                "difference": f"{row.difference:+.2f}",
                "95 % interval": interval_text(row),
                "p": p_text(row.p_corrected),
                "verdict": row.verdict,
            }
            for row in rows
        ]
    )


def comparison_explained(rows: Sequence[Difference]) -> str:
    """How to read the table: what the interval contains, and what is corrected."""
    correction = (
        ""
        if len(rows) == 1
        else f" p and verdicts, but not intervals, are corrected by Holm over {len(rows)} "
        "comparisons."
    )
    return (
        "Points of the test score. The interval contains the variance over seeds and over test "
        f"units.{correction} Negligible, and tie: shown to be smaller than the margin of "
        f"{rows[0].margin:g}. Undecided: neither a difference nor a tie is shown."
    )
