"""From records to the page."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

import elmobench
from elmobench.analysis.report.page.evidence import (
    claims_section,
    provenance_section,
    published_section,
    significance_section,
    slices_section,
)
from elmobench.analysis.report.page.examples import example_groups
from elmobench.analysis.report.page.figures import swatch
from elmobench.analysis.report.page.parts import Section
from elmobench.analysis.report.page.scores import (
    costs_section,
    curves_section,
    layers_section,
    samples_section,
    scores_section,
)
from elmobench.analysis.report.page.weights import drift_section, weights_section
from elmobench.analysis.report.report import REFERENCES, Report
from elmobench.analysis.stats.tallies import TallyCache
from elmobench.tracking.record import RecordStore

_FOLDER = Path(__file__).parent
_STYLES = ("palette.css", "page.css")


def to_html(
    report: Report,
    folder: Path,
    include: Sequence[Path] = (),
    on_pair: Callable[[int, int], object] | None = None,
) -> str:
    """The report as one HTML page with its style, drawings and examples inside.

    Args:
        report: the tables, as :func:`~elmobench.analysis.report.report.make_report` made them.
        folder: results folder that they come from.
        include: folders of further task cards.
        on_pair: told how many pairs of features are compared, and of how many.

    Raises:
        DataError: if the records are gone.
    """
    store = RecordStore(folder)
    counts = TallyCache(store)
    records = store.planned()
    features = list(report.features)
    references = [s for s in report.sections if s[0] == REFERENCES]
    examples = example_groups(store, records, features, include)
    sections = [
        scores_section(records, features, report.cards),
        significance_section(counts, features, report.cells, on_pair),
        claims_section(counts),
        weights_section(records),
        drift_section(records),
        curves_section(records, features),
        samples_section(records, features),
        layers_section(records),
        costs_section(records, features, folder),
        slices_section(store, include),
        *(published_section(table, why) for _, why, table in references),
        Section(
            "examples",
            "Where they disagree",
            "Test examples that two representations answer differently, those first where their "
            "scores differ most.",
            examples=bool(examples),
        ),
        provenance_section(records, report.cards),
    ]
    seeds = {record.seed for record in records}
    plan = store.experiment()
    environment = Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["code"] = _code
    return environment.get_template("page.html").render(
        name=report.name,
        description=plan.get("description", ""),
        facts=f"{len(records)} cells, {len({r.task for r in records})} tasks, "
        f"{len(features)} representations, {len(seeds)} seed{'s' if len(seeds) != 1 else ''}",
        caveats=[*report.caveats, *_troubles(report)],
        sections=[section for section in sections if not section.empty],
        legend=[
            {"name": name, "swatch": Markup(swatch(i))} for i, name in enumerate(report.features)
        ],
        footer=f"elmobench {elmobench.__version__}",
        examples=_embedded(examples) if examples else "",
        style=Markup("".join((_FOLDER / f).read_text("utf-8") for f in _STYLES)),
        script=Markup((_FOLDER / "page.js").read_text("utf-8")),
    )


def _code(text: str) -> Markup:
    """Text with what stands in backticks set as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    tags = (Markup("{}"), Markup("<code>{}</code>"))
    return Markup("").join(tags[i % 2].format(part) for i, part in enumerate(parts))


def _troubles(report: Report) -> list[str]:
    """What a reader of the scores has to know beside the experiment's own caveats."""
    told = [f"{label}: {note}" for label, note in report.notes]
    told += [f"Failed: {label}: {error}" for label, error in report.failed]
    return told


def _embedded(value: Any) -> Markup:
    """JSON that may stand inside a script element: no text of it can end the element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)
