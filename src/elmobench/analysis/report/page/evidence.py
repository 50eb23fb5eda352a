"""Page sections on differences, the paper's findings, slices and published scores."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Sequence

import pandas as pd

from elmobench.analysis.claims.paper_findings import claim_results
from elmobench.analysis.inspect.slices import slice_table
from elmobench.analysis.report.page.parts import Column, Section, Table, TableCell
from elmobench.analysis.report.report import REFERENCES
from elmobench.analysis.stats.correction import p_text
from elmobench.analysis.stats.difference_row import ONE_RUN, Difference, Verdict, interval_text
from elmobench.analysis.stats.differences import compare
from elmobench.analysis.stats.tallies import TallyCache
from elmobench.analysis.tables.reference_table import NUMBER_COLUMNS
from elmobench.analysis.tables.results_frame import axes_of
from elmobench.core.errors import ConfigError, DataError
from elmobench.data.cards.catalog import CardCatalog
from elmobench.features.spec import parse_features

MANY = 6
"""Up to this number of representations, all pairs are compared; see :func:`_pairs`."""

_MARKS: dict[Verdict, str] = {
    "better": "▲",
    "better but negligible": "△",
    "tie": "=",
    "undecided": "?",
    "worse but negligible": "▽",
    "worse": "▼",
}
_KINDS = {"better": "good", "worse": "bad"}


def significance_section(
    tallies: TallyCache,
    features: Sequence[str],
    frame: pd.DataFrame,
    on_pair: Callable[[int, int], object] | None = None,
) -> Section:
    """Differences between pairs of representations on every task, with intervals and verdicts."""
    pairs = _pairs(features)
    rows_found: list[Difference] = []
    skipped: set[str] = set()
    for i, (left, right) in enumerate(pairs):
        if on_pair is not None:
            on_pair(i, len(pairs))
        try:
            rows_found += compare(tallies, left, right)
        except ConfigError:
            continue  # no task was run with both
        except DataError as error:
            skipped.add(str(error))
    if on_pair is not None:
        on_pair(len(pairs), len(pairs))
    varied = [name for name in axes_of(frame) if frame[name].astype(str).nunique() > 1]
    by_task: dict[str, list[Difference]] = defaultdict(list)
    for row in rows_found:
        words = [row.task, row.head, *(f"{k}={row.axes[k]}" for k in varied if k in row.axes)]
        by_task[" · ".join(words)].append(row)
    compared = list(dict.fromkeys((row.left, row.right) for row in rows_found))
    columns = [Column("task")] + [Column(f"{left} − {right}", True) for left, right in compared]
    rows = []
    for title, differences in by_task.items():
        cells = {(d.left, d.right): _verdict(d) for d in differences}
        rows.append(
            [TableCell(title), *(cells.get(pair, TableCell("–", "n")) for pair in compared)]
        )
    margin = f"{rows_found[0].margin:g}" if rows_found else "–"
    one_run = any(row.scope == "runs" for row in rows_found)
    return Section(
        "differences",
        "Differences",
        f"▲ better, ▼ worse; △ better and ▽ worse, but by less than the margin of {margin} (fixed "
        "before the run); = shown to differ by less than the margin; ? undecided. Differences in "
        "points of the test score with their 95 % interval, which contains the variance over seeds "
        "and over test units. Verdicts are corrected by Holm over the tasks of a column."
        + (f" {ONE_RUN}" if one_run else ""),
        [Table(columns, rows)] if rows else [],
        notes=[f"Left out: {reason}" for reason in sorted(skipped)],
    )


def _pairs(features: Sequence[str]) -> list[tuple[str, str]]:
    """All pairs of few features; for many, each with the first, and sums with their parts."""
    pairs = [(b, a) for a, b in itertools.combinations(features, 2)]
    if len(features) <= MANY:
        return pairs
    specs = {name: parse_features(name) for name in features}
    return [
        (whole, part)
        for whole, part in pairs
        if part == features[0]
        or (len(specs[part].parts) == 1 and specs[whole].contains(specs[part]))
    ]


def _verdict(row: Difference) -> TableCell:
    p = p_text(row.p_corrected)
    return TableCell(
        f"{_MARKS[row.verdict]} {row.difference:+.2f} ({interval_text(row)})",
        _KINDS.get(row.verdict, "even"),
        title=f"{row.verdict}; p {p}; seeds: {row.seeds_text}; {row.units:,} test units",
    )


_OUTCOMES = {"supported": "good", "contradicted": "bad"}


def claims_section(tallies: TallyCache) -> Section:
    """The claims that the records test, and every comparison behind the results."""
    try:
        results = [r for r in claim_results(tallies) if r.evidence]
    except DataError:
        results = []  # predictions are not stored; damaged ones were left out
    overview = [
        [
            TableCell(result.outcome, _OUTCOMES.get(result.outcome, "even")),
            TableCell(result.claim.statement, "prose"),
            TableCell(result.claim.expects),
            TableCell(result.claim.source),
        ]
        for result in results
    ]
    rows = [
        [
            TableCell(result.claim.id),
            TableCell(row.where),
            TableCell(row.what),
            TableCell(f"{row.effect:+.2f}", "n"),
            TableCell("–" if row.low is None else f"{row.low:+.2f} … {row.high:+.2f}", "n"),
            TableCell(f"{row.margin:g}", "n"),
            TableCell(p_text(row.p), "n"),
            TableCell(str(row.seeds), "n"),
            TableCell(row.verdict),
            TableCell(row.outcome, _OUTCOMES.get(row.outcome, "even")),
        ]
        for result in results
        for row in result.evidence
    ]
    numbers = ("effect", "95 % interval", "margin", "p", "seeds")
    headings = ("claim", "where", "measured", *numbers, "verdict", "outcome")
    return Section(
        "claims",
        "Published findings, and claims of the experiment",
        "A finding is supported if every comparison supports it, contradicted if any comparison "
        "contradicts it, and undecided otherwise. Findings that this experiment does not test are "
        "left out.",
        [
            Table([Column(n) for n in ("outcome", "finding", "supported by", "source")], overview),
            Table(
                [Column(name, name in numbers) for name in headings],
                rows,
                "Evidence",
            ),
        ]
        if results
        else [],
    )


def slices_section(tallies: TallyCache, cards: CardCatalog) -> Section:
    """Scores on parts of the test sets."""
    table = slice_table(tallies.store, cards, tallies.records)
    numbers = [name for name in table.columns if name not in ("task", "head", "axes", "slice")]
    return Section(
        "slices",
        "Parts of the test sets",
        "Stored predictions, scored on parts of the test set: the shortest and the longest "
        "quarter; examples with and without words that are missing from the training set or from "
        "a static vocabulary; for spans, the recall of entities that are, and that are not, in the "
        "training set. Mean ± sd over seeds. Parts consist of whole examples, so they may differ "
        "in more than the named property.",
        [Table.of(table, numbers)] if len(table) else [],
    )


def published_section(table: pd.DataFrame, explanation: str) -> Section:
    """The report's table of ceilings and published scores."""
    return Section(
        "published",
        REFERENCES,
        explanation,
        [Table.of(table, NUMBER_COLUMNS)] if len(table) else [],
    )
