"""Sections on what may be concluded: differences, published numbers, where it all comes from."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from elmobench.analysis.claims.paper_findings import answers
from elmobench.analysis.inspect.slices import slice_table
from elmobench.analysis.report.page.parts import Cell, Column, Section, Table
from elmobench.analysis.stats.difference_row import Difference
from elmobench.analysis.stats.differences import compare
from elmobench.analysis.stats.resampling import p_text
from elmobench.analysis.stats.tallies import TallyCache
from elmobench.analysis.tables.results_frame import axes_of
from elmobench.core.errors import ConfigError, DataError
from elmobench.features.spec import parse_features
from elmobench.tracking.record import RecordStore, RunRecord

RESAMPLES = 2000
"""For the matrix: enough for a verdict; ``elmobench compare`` takes more."""

MANY = 6
"""Features of which all pairs are compared; of more, those with the first."""

_MARKS = {"better": "▲", "worse": "▼", "tie": "=", "undecided": "?"}
_KINDS = {"better": "good", "worse": "bad", "tie": "even", "undecided": "even"}


def significance_section(
    counts: TallyCache,
    features: Sequence[str],
    frame: pd.DataFrame,
    on_pair: Callable[[int, int], object] | None = None,
) -> Section:
    """Pairs of features on every task: which is better, by how much, how sure."""
    pairs = _pairs(features)
    found: list[Difference] = []
    skipped: set[str] = set()
    for i, (left, right) in enumerate(pairs):
        if on_pair is not None:
            on_pair(i, len(pairs))
        try:
            found += compare(counts, left, right, resamples=RESAMPLES)
        except ConfigError:
            continue  # no task was run with both
        except DataError as error:
            skipped.add(str(error))
    if on_pair is not None:
        on_pair(len(pairs), len(pairs))
    varied = [name for name in axes_of(frame) if frame[name].astype(str).nunique() > 1]
    by_task: dict[str, list[Difference]] = defaultdict(list)
    for row in found:
        words = [row.task, row.head, *(f"{k}={row.axes[k]}" for k in varied if k in row.axes)]
        by_task[" · ".join(words)].append(row)
    kept = list(dict.fromkeys((row.left, row.right) for row in found))
    columns = [Column("task")] + [Column(f"{left} less {right}", True) for left, right in kept]
    rows = []
    for title, differences in by_task.items():
        cells = {(d.left, d.right): _verdict(d) for d in differences}
        rows.append([Cell(title), *(cells.get(pair, Cell("–", "n")) for pair in kept)])
    margin = f"{found[0].margin:g}" if found else "–"
    one_seed = any(len(row.seeds) == 1 for row in found)
    return Section(
        "differences",
        "Differences",
        f"▲ better, ▼ worse, = shown to differ by less than the margin of {margin} (fixed "
        "before the run), ? undecided: the data do not tell. Points of the score on test, seeds "
        "paired, with the 95 % interval of a bootstrap over seeds and test units; the verdict "
        "needs approximate randomisation too, corrected by Holm over the tasks of a column "
        f"({RESAMPLES:,} resamples)."
        + (" With one seed the chance of training is in neither." if one_seed else ""),
        [Table(columns, rows)] if rows else [],
        notes=[f"Left out: {reason}" for reason in sorted(skipped)],
    )


def _pairs(features: Sequence[str]) -> list[tuple[str, str]]:
    """All pairs of a few features; of many, each with the first and sums with their parts."""
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


def _verdict(row: Difference) -> Cell:
    p = p_text(row.p_corrected)
    return Cell(
        f"{_MARKS[row.verdict]} {row.difference:+.2f} ({row.low:+.2f} … {row.high:+.2f})",
        _KINDS[row.verdict],
        title=f"{row.verdict}; p {p}; {len(row.seeds)} seeds, {row.units:,} units",
    )


_OUTCOMES = {"supported": "good", "contradicted": "bad"}


def claims_section(counts: TallyCache) -> Section:
    """What the records say of the paper's findings, and every comparison behind it."""
    try:
        found = [a for a in answers(counts, RESAMPLES) if a.evidence]
    except DataError:
        found = []  # predictions were not kept
    overview = [
        [
            Cell(answer.outcome, _OUTCOMES.get(answer.outcome, "even")),
            Cell(answer.claim.statement, "prose"),
            Cell(answer.claim.expects),
            Cell(answer.claim.source),
        ]
        for answer in found
    ]
    rows = [
        [
            Cell(answer.claim.id),
            Cell(row.where),
            Cell(row.what),
            Cell(f"{row.effect:+.2f}", "n"),
            Cell("–" if row.low is None else f"{row.low:+.2f} … {row.high:+.2f}", "n"),
            Cell(str(row.seeds), "n"),
            Cell(row.outcome, _OUTCOMES.get(row.outcome, "even")),
        ]
        for answer in found
        for row in answer.evidence
    ]
    heads = ("claim", "where", "what", "effect", "95 % interval", "seeds", "says")
    return Section(
        "claims",
        "The paper's findings",
        "A finding is supported where every comparison supports it, contradicted where one does "
        "the opposite, else undecided. Findings that this experiment does not test are left out.",
        [
            Table([Column(n) for n in ("answer", "finding", "shown by", "source")], overview),
            Table(
                [Column(n, n in ("effect", "95 % interval", "seeds")) for n in heads],
                rows,
                "Evidence",
            ),
        ]
        if found
        else [],
    )


def slices_section(store: RecordStore, include: Sequence[Path]) -> Section:
    """Scores on parts of the test sets."""
    table = slice_table(store, include)
    numbers = [name for name in table.columns if name not in ("task", "head", "axes", "slice")]
    return Section(
        "slices",
        "Parts of the test sets",
        "The stored predictions scored again on parts of the test set: the shortest and longest "
        "quarter, examples with words that the training set or a static vocabulary lacks, and, "
        "for spans, the recall of entities by whether their words are an entity in the training "
        "set. Mean ± sd over seeds; parts are of whole examples, so they differ in more than "
        "their name says.",
        [Table.of(table, numbers)] if len(table) else [],
    )


def published_section(table: pd.DataFrame, explanation: str) -> Section:
    """Ceilings and published numbers, as the report's table has them."""
    return Section(
        "published",
        "Beside them",
        explanation,
        [Table.of(table, ("score", "ours"))] if len(table) else [],
    )


def provenance_section(records: Sequence[RunRecord], cards: Mapping[str, Any]) -> Section:
    """Which data, which vectors, which versions: what would have to be the same again."""
    data: dict[str, list[Cell]] = {}
    vectors: dict[tuple[str, str], list[Cell]] = {}
    coverage: dict[tuple[str, str], list[Cell]] = {}
    software: dict[str, str] = {}
    hosts: set[str] = set()
    for record in records:
        card = cards.get(record.task)
        counts = record.result.counts if record.result else {}
        data.setdefault(
            record.task,
            [
                Cell(record.task),
                Cell(", ".join(f"{name} {count:,}" for name, count in counts.items())),
                Cell(str(getattr(card, "licence", None) or "–")),
                Cell(str(record.identity.get("data", "–")), "code"),
            ],
        )
        for part in record.identity.get("parts", ()):
            key = (record.features, str(part.get("fingerprint")))
            vectors.setdefault(key, [Cell(record.features), Cell(key[1], "code")])
        for part, shares in (record.result.coverage if record.result else {}).items():
            coverage.setdefault(
                (record.task, part),
                [
                    Cell(record.task),
                    Cell(part),
                    Cell(f"{100 * shares['tokens']:.1f} %", "n"),
                    Cell(f"{100 * shares['types']:.1f} %", "n"),
                ],
            )
        if record.run is not None:
            software |= record.run.versions
            hosts.add(", ".join(f"{k}: {v}" for k, v in record.run.host.items()))
    tables = [
        Table(
            [Column("task"), Column("examples"), Column("licence"), Column("digest of the data")],
            list(data.values()),
            "Data",
        ),
        Table(
            [Column("features"), Column("digest of the model's file, settings and version")],
            list(vectors.values()),
            "Representations",
        ),
    ]
    if coverage:
        columns = [Column("task"), Column("part"), Column("tokens", True), Column("types", True)]
        tables.append(Table(columns, list(coverage.values()), "Words that have a vector"))
    rows = [[Cell(name), Cell(version, "code")] for name, version in software.items()]
    rows += [[Cell("machine"), Cell(host)] for host in sorted(hosts)]
    tables.append(Table([Column("what"), Column("version")], rows, "Software and machines"))
    return Section(
        "provenance",
        "Where it comes from",
        "Everything a score depends on. Equal digests mean equal bytes.",
        tables,
    )
