"""The page section on data, models, software and machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from elmobench.analysis.report.page.parts import Column, Section, Table, TableCell
from elmobench.tracking.record import RunRecord


def provenance_section(records: Sequence[RunRecord], cards: Mapping[str, Any]) -> Section:
    """Data, vectors, software and machines: what must be equal for a score to be repeated."""
    data: dict[str, list[TableCell]] = {}
    vectors: dict[tuple[str, str], list[TableCell]] = {}
    coverage: dict[tuple[str, str], list[TableCell]] = {}
    software: dict[str, str] = {}
    hosts: set[str] = set()
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
            [Column("features"), Column("digest of the model's files, settings and version")],
            list(vectors.values()),
            "Representations",
        ),
    ]
    if coverage:
        columns = [Column("task"), Column("part"), Column("tokens", True), Column("types", True)]
        tables.append(Table(columns, list(coverage.values()), "Words that have a vector"))
    rows = [[TableCell(name), TableCell(version, "code")] for name, version in software.items()]
    rows += [[TableCell("machine"), TableCell(host)] for host in sorted(hosts)]
    tables.append(Table([Column("name"), Column("version")], rows, "Software and machines"))
    return Section(
        "provenance",
        "Data, models and software",
        "Everything that a score depends on. Equal digests mean equal bytes.",
        tables,
    )
