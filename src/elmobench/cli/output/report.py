"""Fill the documents of ``run`` and ``report``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elmobench.analysis.tables.results_frame import axes_of
from elmobench.cli.output.base import finite
from elmobench.cli.output.probes import Probe
from elmobench.cli.output.results import (
    LabelledText,
    ReportOutput,
    ReportTable,
    RunCell,
    RunOutput,
    ScoreRow,
)

if TYPE_CHECKING:
    from elmobench.analysis.report.report import Report
    from elmobench.bench.run import RunSummary
    from elmobench.tracking.record import RunRecord


def report_output(report: Report, folder: Path, files: Sequence[Path]) -> ReportOutput:
    """The document of a report that was written to ``files``."""
    return ReportOutput(
        experiment=report.name,
        results=str(folder),
        caveats=report.caveats,
        scores=_scores(report),
        tables=[
            ReportTable(
                title=section.title,
                explanation=section.explanation,
                columns=list(map(str, section.table.columns)),
                rows=[finite(list(row)) for row in section.table.itertuples(index=False)],
            )
            for section in report.sections
        ],
        probes=list(map(Probe.from_values, report.probes)),
        notes=[LabelledText(label=label, text=text) for label, text in report.notes],
        failed=[LabelledText(label=label, text=text) for label, text in report.failed],
        damaged=report.damaged,
        others=report.others,
        files=list(map(str, files)),
    )


def _scores(report: Report) -> list[ScoreRow]:
    axes = axes_of(report.cells)
    rows = []
    for row in report.statistics.to_dict("records"):
        fields: dict[str, Any] = {str(name): finite(value) for name, value in row.items()}
        of_axes = {name: fields.pop(name) for name in axes}
        rows.append(ScoreRow.from_values({**fields, "axes": of_axes}))
    return rows


def run_output(summary: RunSummary, files: Sequence[Path]) -> RunOutput:
    """The document of a run whose report was written to ``files``."""
    return RunOutput(
        experiment=summary.experiment.name,
        results=str(summary.folder),
        trained=summary.trained,
        skipped=summary.skipped,
        failed=summary.failed,
        damaged=summary.damaged,
        encoded_sentences=summary.encoded_sentences,
        seconds=summary.seconds,
        limit=None if summary.experiment.limit is None else str(summary.experiment.limit),
        files=list(map(str, files)),
        cells=[_cell(record) for record in summary.records],
    )


def _cell(record: RunRecord) -> RunCell:
    result = record.result
    return RunCell(
        cell=record.cell,
        task=record.task,
        features=record.features,
        head=record.head,
        seed=record.seed,
        axes=record.axes,
        status=record.status,
        metric=None if result is None else result.primary,
        score=None if result is None else result.test[result.primary],
        limit=record.limit,
        error=record.error,
    )
