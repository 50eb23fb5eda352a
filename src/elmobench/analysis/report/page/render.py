"""Render the report of an experiment as one HTML page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from markupsafe import Markup

import elmobench
from elmobench.analysis.html.page import environment, script, style
from elmobench.analysis.report.page.choices import choices_section
from elmobench.analysis.report.page.costs import costs_section
from elmobench.analysis.report.page.evidence import (
    claims_section,
    published_section,
    significance_section,
    slices_section,
)
from elmobench.analysis.report.page.examples import example_groups
from elmobench.analysis.report.page.figures import swatch
from elmobench.analysis.report.page.labels import labels_section
from elmobench.analysis.report.page.parts import Section
from elmobench.analysis.report.page.probes import probes_section
from elmobench.analysis.report.page.provenance import provenance_section
from elmobench.analysis.report.page.scores import (
    curves_section,
    layers_section,
    samples_section,
    scores_section,
)
from elmobench.analysis.report.page.weights import drift_section, mix_section, weights_section
from elmobench.analysis.report.report import REFERENCES, Report
from elmobench.core.surrogates import escape_surrogates
from elmobench.data.cards.catalog import CardCatalog

_FOLDER = Path(__file__).parent


def to_html(
    report: Report,
    folder: Path,
    cards: CardCatalog | None = None,
    on_pair: Callable[[int, int], object] | None = None,
) -> str:
    """The report as one HTML page that contains its style, figures and examples.

    Args:
        report: the tables, as :func:`~elmobench.analysis.report.report.make_report` made them.
        folder: results folder that they come from.
        cards: the task cards; None for those found without ``--include``.
        on_pair: called with the number of compared pairs of representations and their total.

    Raises:
        DataError: if a record is damaged.
    """
    cards = cards or CardCatalog()
    tallies = report.tallies
    store, records = tallies.store, tallies.all_records
    features = list(report.features)
    references = [s for s in report.sections if s.title == REFERENCES]
    examples = example_groups(store, tallies.records, features, cards)
    sections = [
        scores_section(tallies, features, report.cards),
        significance_section(tallies, features, report.cells, on_pair),
        claims_section(tallies),
        probes_section(report.probes),
        weights_section(records),
        mix_section(records),
        drift_section(records),
        curves_section(records, features),
        samples_section(records, features),
        layers_section(records),
        choices_section(records, features),
        labels_section(tallies, features),
        costs_section(records, features, folder),
        slices_section(tallies, cards),
        *(published_section(s.table, s.explanation) for s in references),
        Section(
            "examples",
            "Examples with different predictions",
            "Test examples that two representations predict differently, those with the largest "
            "difference in score first.",
            examples=bool(examples),
        ),
        provenance_section(records, report.cards, store.experiment().get("models")),
    ]
    seeds = {record.seed for record in records}
    experiment = store.experiment()
    return (
        environment(_FOLDER)
        .get_template("page.html")
        .render(
            name=report.name,
            description=experiment.get("description", ""),
            facts=f"{len(records)} cells, {len({r.task for r in records})} tasks, "
            f"{len(features)} representations, {len(seeds)} seed{'s' if len(seeds) != 1 else ''}",
            caveats=[*report.caveats, *_notes(report)],
            sections=[section for section in sections if not section.empty],
            legend=[
                {"name": name, "swatch": Markup(swatch(i))}
                for i, name in enumerate(report.features)
            ],
            footer=f"elmobench {elmobench.__version__}",
            examples=_embedded(examples) if examples else "",
            style=style(_FOLDER / "page.css"),
            script=script(_FOLDER / "page.js"),
        )
    )


def _notes(report: Report) -> list[str]:
    """Notes on single cells, cells that failed, and damaged files."""
    notes = [f"{label}: {note}" for label, note in report.notes]
    notes += [f"Failed: {label}: {error}" for label, error in report.failed]
    notes += [f"Damaged: {error}" for error in report.damaged]
    return notes


def _embedded(value: Any) -> Markup:
    """JSON for a script element, escaped so that no text in it can end the element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = escape_surrogates(text)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)
