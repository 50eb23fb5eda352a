"""The page section on data, models, software and machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from elmobench.analysis.report.page.parts import Column, Section, Table, TableCell
from elmobench.analysis.tables.published import is_control
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.features.spec import parse_features
from elmobench.tracking.host import numerics_text
from elmobench.tracking.record import RunInfo, RunRecord


def provenance_section(
    records: Sequence[RunRecord],
    cards: Mapping[str, Any],
    models: Mapping[str, Any] | None = None,
) -> Section:
    """Data, vectors, software and machines: what must be equal for a score to be repeated.

    Args:
        records: of the experiment.
        cards: the task cards by id, those that are known.
        models: the experiment's own catalog entries.
    """
    data: dict[str, list[TableCell]] = {}
    vectors: dict[tuple[str, str], list[TableCell]] = {}
    coverage: dict[tuple[str, str], list[TableCell]] = {}
    for record in records:
        card = cards.get(record.task)
        counts = record.result.counts if record.result else {}
        data.setdefault(
            record.task,
            [
                TableCell(record.task),
                TableCell(", ".join(f"{name} {count:,}" for name, count in counts.items())),
                TableCell(str(getattr(card, "licence", None) or "–")),
                TableCell(str(record.identity.get("data", "–")), "code"),
            ],
        )
        for part in record.identity.get("parts", ()):
            key = (record.features, str(part.get("fingerprint")))
            vectors.setdefault(key, [TableCell(record.features), TableCell(key[1], "code")])
        for part, shares in (record.result.coverage if record.result else {}).items():
            coverage.setdefault(
                (record.task, part),
                [
                    TableCell(record.task),
                    TableCell(part),
                    TableCell(f"{100 * shares['tokens']:.1f} %", "n"),
                    TableCell(f"{100 * shares['types']:.1f} %", "n"),
                ],
            )
    tables = [
        Table(
            [Column("task"), Column("examples"), Column("licence"), Column("digest of the data")],
            list(data.values()),
            "Data",
        ),
        Table(
            [Column("features"), Column("digest of the model's files, settings and version")],
            list(vectors.values()),
            "Representations",
        ),
    ]
    if coverage:
        columns = [Column("task"), Column("part"), Column("tokens", True), Column("types", True)]
        tables.append(Table(columns, list(coverage.values()), "Words that have a vector"))
    tables += _citations(records, cards, models)
    runs = [record.run for record in records if record.run is not None]
    tables += [_software(runs), _machines(runs)]
    return Section(
        "provenance",
        "Data, models and software",
        "Everything that a score depends on. Equal digests mean equal bytes.",
        tables,
    )


def _citations(
    records: Sequence[RunRecord], cards: Mapping[str, Any], models: Mapping[str, Any] | None
) -> list[Table]:
    """What a publication that uses these results should cite; no table if nothing is known."""
    cited: dict[tuple[str, str], None] = {}
    for task in dict.fromkeys(record.task for record in records):
        citation = getattr(cards.get(task), "citation", None)
        if citation and not is_control(task):
            cited.setdefault((task, " ".join(str(citation).split())))
    catalog = ModelCatalog(models)
    names = [
        part.name
        for features in dict.fromkeys(record.features for record in records)
        for part in parse_features(features).parts
    ]
    for name in dict.fromkeys(names):
        if name in catalog.names() and (citation := catalog.entry(name).citation):
            cited.setdefault((name, " ".join(citation.split())))
    rows = [[TableCell(name), TableCell(text, "prose")] for name, text in cited]
    return [Table([Column("task or model"), Column("cite")], rows, "Citations")] if rows else []


def _software(runs: Sequence[RunInfo]) -> Table:
    """Library versions of the runs, and of the times at which their vectors were encoded."""
    used: dict[str, Counter[str]] = {}
    encoders: dict[str, set[str]] = {}
    for run in runs:
        for name, version in run.versions.items():
            used.setdefault(name, Counter())[version] += 1
        for versions in run.encoded_by.values():
            for name, several in versions.items():
                encoders.setdefault(name, set()).update(several)
    rows = [
        [
            TableCell(name),
            TableCell(_counted(used.get(name, Counter())), "code"),
            TableCell(", ".join(sorted(encoders.get(name, ()))) or "–", "code"),
        ]
        for name in {**used, **encoders}
    ]
    columns = [
        Column("library"),
        Column("version in the runs"),
        Column("when vectors were encoded"),
    ]
    return Table(columns, rows, "Software")


def _counted(versions: Counter[str]) -> str:
    """The versions of a library; if there are several, with the number of runs of each."""
    if len(versions) == 1:
        return next(iter(versions))
    counted = [f"{version} ({count} runs)" for version, count in sorted(versions.items())]
    return ", ".join(counted) or "–"


def _machines(runs: Sequence[RunInfo]) -> Table:
    """Processors, threads, BLAS libraries and precision, with the number of runs of each kind."""
    counted = Counter(
        "; ".join(
            filter(
                None,
                (
                    ", ".join(f"{key.replace('_', ' ')}: {run.host[key]}" for key in run.host),
                    numerics_text(run.numerics),
                ),
            )
        )
        for run in runs
    )
    rows = [
        [TableCell(text, "prose"), TableCell(str(count), "n")]
        for text, count in sorted(counted.items())
    ]
    return Table([Column("machine and settings"), Column("runs", True)], rows, "Machines")
