"""The page section on labels: precision, recall and F1 of each, and the confusion matrix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from elmobench.analysis.report.page.parts import Column, Section, Table, TableCell
from elmobench.analysis.report.page.scores import Group, grouped, primary
from elmobench.analysis.stats.tallies import TallyCache
from elmobench.core.errors import DataError
from elmobench.tasks.base import Pipeline
from elmobench.tasks.registries import PIPELINES
from elmobench.tracking.record import RunRecord

_LABELS = 20
"""How many labels a table has, those with the largest support first."""
_CONFUSED = 12
"""How many labels a confusion matrix has; the others are one row and one column."""
NONE = "–"
"""In a confusion matrix: no annotation there."""
OTHERS = "others"

Pairs = Counter[tuple[str, str]]
"""How often a gold label was predicted as a label."""


def labels_section(tallies: TallyCache, features: Sequence[str]) -> Section:
    """Scores by label, and the confusion matrix of each task's best representation."""
    tables: list[Table] = []
    for title, group in grouped(tallies.records).items():
        if not any(_per_class(record) for cells in group.values() for record in cells):
            continue
        tables.append(_by_label(title, group, features))
        best = max(group, key=lambda name: float(np.mean([primary(r) for r in group[name]])))
        matrix = _confusion(tallies, group[best])
        if matrix:
            seeds = f", sum over {len(group[best])} seeds" if len(group[best]) > 1 else ""
            heading = f"{title}: labels predicted by {best}{seeds}"
            tables.append(_matrix_table(heading, matrix))
    return Section(
        "labels",
        "Labels",
        "Precision / recall / F1 of each label on the test set in percent, means over seeds; the "
        f"{_LABELS} most frequent labels. A matrix shows the gold labels as rows and the "
        "predictions of the representation with the highest mean as columns; of entities and other "
        f"spans those with equal borders are counted, and {NONE} stands for no span there.",
        tables,
    )


def _per_class(record: RunRecord) -> Mapping[str, Mapping[str, float]]:
    """Scores by label; empty for metrics whose classes have no precision and recall."""
    found = record.result.per_class if record.result else {}
    needed = {"precision", "recall", "f1"}
    return found if all(needed <= scores.keys() for scores in found.values()) else {}


def _by_label(title: str, group: Group, features: Sequence[str]) -> Table:
    support: dict[str, float] = {}
    for record in (record for cells in group.values() for record in cells):
        for label, scores in _per_class(record).items():
            support[label] = max(support.get(label, 0.0), scores.get("support", 0.0))
    labels = sorted(support, key=lambda label: (-support[label], label))[:_LABELS]
    shown = [name for name in features if name in group]
    rows = []
    for label in labels:
        row = [TableCell(label), TableCell(f"{support[label]:,.0f}", "n")]
        for name in shown:
            found = [s for r in group[name] if (s := _per_class(r).get(label)) is not None]
            means = [np.mean([s[key] for s in found]) for key in ("precision", "recall", "f1")]
            text = " / ".join(f"{mean:.1f}" for mean in means) if found else "–"
            row.append(TableCell(text, "n"))
        rows.append(row)
    left = f" ({len(support) - len(labels)} more)" if len(support) > len(labels) else ""
    columns = [Column(f"label{left}"), Column("in the test set", True)]
    return Table([*columns, *(Column(name, True) for name in shown)], rows, title)


def _confusion(tallies: TallyCache, records: Sequence[RunRecord]) -> Pairs:
    """Counts of (gold, predicted) over the runs; empty if they have none or are not stored."""
    pairs: Pairs = Counter()
    for record in records:
        pipeline = PIPELINES.get(record.pipeline)
        try:
            rows = tallies.store.read_predictions(record.cell)
        except DataError:
            return Counter()
        for row in rows:
            pairs.update(confused(pipeline, row["gold"], row["predicted"]))
    return pairs


def confused(pipeline: Pipeline, gold: object, predicted: object) -> list[tuple[str, str]]:  # type: ignore[type-arg]
    """Pairs of gold and predicted label of one example: of the text, its spans or its tokens."""
    spans, found = pipeline.annotation_spans(gold), pipeline.annotation_spans(predicted)
    if spans is not None and found is not None:
        right_kinds = {(first, last): kind for kind, first, last in spans}
        kinds = {(first, last): kind for kind, first, last in found}
        places = sorted(right_kinds.keys() | kinds.keys())
        return [(right_kinds.get(place, NONE), kinds.get(place, NONE)) for place in places]
    if not pipeline.labels_correspond:
        return []
    left, right = pipeline.annotation_labels(gold), pipeline.annotation_labels(predicted)
    return list(zip(left, right, strict=True)) if len(left) == len(right) else []


def _matrix_table(title: str, pairs: Pairs) -> Table:
    """The matrix, each row shaded by its shares."""
    counts: Counter[str] = Counter()
    for (gold, predicted), number in pairs.items():
        counts[gold] += number
        counts[predicted] += number
    names = [name for name, _ in counts.most_common() if name != NONE]
    kept, rest = sorted(names[:_CONFUSED]), set(names[_CONFUSED:])
    order = [*kept, *([OTHERS] if rest else []), *([NONE] if NONE in counts else [])]
    merged: Pairs = Counter()
    for (gold, predicted), number in pairs.items():
        key = (OTHERS if gold in rest else gold, OTHERS if predicted in rest else predicted)
        merged[key] += number
    rows = []
    for gold in order:
        total = sum(merged[gold, other] for other in order)
        if total == 0:
            continue
        cells = [
            TableCell(f"{merged[gold, other]:,}", "heat", merged[gold, other] / total)
            if merged[gold, other]
            else TableCell("", "n")
            for other in order
        ]
        rows.append([TableCell(gold), *cells])
    return Table([Column("gold"), *(Column(name, True) for name in order)], rows, title)
