"""A report, or one table, in Markdown."""

from __future__ import annotations

from typing import Any

import pandas as pd

from elmobench.analysis.report.report import Report


def to_markdown(report: Report) -> str:
    """The report as Markdown."""
    lines = [f"# {report.name}", ""]
    for caveat in report.caveats:
        lines += [f"> {caveat}", ""]
    for title, explanation, table in report.sections:
        lines += [f"## {title}", "", explanation, "", *markdown_table(table), ""]
    if report.notes:
        lines += ["## Notes on scores", ""]
        lines += [f"- {label}: {note}" for label, note in report.notes] + [""]
    if report.failed:
        lines += ["## Failed cells", ""]
        lines += [f"- {label}: {error}" for label, error in report.failed] + [""]
    if report.damaged:
        lines += ["## Damaged files", ""]
        lines += ["- " + " ".join(error.split()) for error in report.damaged] + [""]
    if report.others:
        lines += [f"{report.others} records of earlier versions are in the folder, not shown.", ""]
    return "\n".join(lines)


def markdown_table(frame: pd.DataFrame) -> list[str]:
    """The lines of a table in Markdown."""

    def cell_text(value: Any) -> str:
        return str(value).replace("|", "\\|").replace("\n", " ")

    header = [cell_text(column) for column in frame.columns]
    rows = [[cell_text(v) for v in row] for row in frame.itertuples(index=False)]
    return [
        "| " + " | ".join(header) + " |",
        "|" + " --- |" * len(header),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
