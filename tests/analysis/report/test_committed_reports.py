"""The committed reports are what their records and today's cards and published scores give.

Published scores, cards and captions change after a study has run. All tables that depend on them
are compared; the costs need no more than the records, and the notes need all predictions, which
takes minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from elmobench.analysis.report.markdown import markdown_table
from elmobench.analysis.report.report import REFERENCES
from elmobench.analysis.stats.differences import DEFAULT_MARGIN
from elmobench.analysis.tables.layer_weights import layer_weight_table
from elmobench.analysis.tables.reference_table import reference_table, references_caption
from elmobench.data.cards.card import TaskCard
from elmobench.data.cards.catalog import CardCatalog
from elmobench.tracking.record_store import RecordStore

RESULTS = Path(__file__).parents[3] / "results"
# Committed results are packed; those of a run in this folder, such as the demo's, are not.
REPORTS = sorted(
    path.relative_to(RESULTS).parent.as_posix()
    for path in RESULTS.rglob("report.md")
    if (path.parent / "records.jsonl.gz").is_file()
)


@pytest.fixture(scope="module")
def cards() -> Mapping[str, TaskCard]:
    return CardCatalog().by_id


@pytest.mark.parametrize("study", REPORTS)
def test_a_committed_report_is_up_to_date(study: str, cards: Mapping[str, TaskCard]) -> None:
    store = RecordStore(RESULTS / study)
    records = store.planned()
    assert records
    margin = float(store.experiment().get("margin", DEFAULT_MARGIN))
    references = reference_table(records, dict(cards), margin)
    weights = layer_weight_table(records)
    expected = []
    if not references.empty:
        expected += [f"## {REFERENCES}", references_caption(margin), *markdown_table(references)]
    if not weights.empty:
        expected += markdown_table(weights)
    lines = (RESULTS / study / "report.md").read_text("utf-8").splitlines()
    missing = [line for line in expected if line not in lines]
    assert missing == [], f"write it again: elmobench report results/{study}"
    assert (f"## {REFERENCES}" in lines) != references.empty
