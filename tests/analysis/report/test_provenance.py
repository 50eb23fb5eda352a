"""The report names every version and machine that its records were made with."""

from __future__ import annotations

from made_up import predictions, record

from elmobench.analysis.report.page.provenance import provenance_section
from elmobench.tracking.host import numerics
from elmobench.tracking.record import RunRecord


def _made(versions: dict[str, str], **run: object) -> RunRecord:
    one = record("flat", 1, predictions(0))
    assert one.run is not None
    return one.model_copy(update={"run": one.run.model_copy(update={"versions": versions, **run})})


def _rows(records: list[RunRecord], title: str) -> list[list[str]]:
    section = provenance_section(records, {})
    (table,) = [t for t in section.tables if t.title == title]
    return [[cell.text for cell in row] for row in table.rows]


def test_every_version_is_shown_with_its_number_of_runs() -> None:
    records = [
        _made({"torch": "2.9", "numpy": "2"}, encoded_by={"e": {"torch": ["2.8", "unknown"]}}),
        _made({"torch": "2.9", "numpy": "2"}, encoded_by={"e": {"allennlp": ["2.10.1"]}}),
        _made({"torch": "2.13", "numpy": "2"}),
    ]
    assert _rows(records, "Software") == [
        ["torch", "2.13 (1 runs), 2.9 (2 runs)", "2.8, unknown"],
        ["numpy", "2", "–"],
        ["allennlp", "–", "2.10.1"],
    ]


def test_machines_are_counted_with_their_settings() -> None:
    settings = numerics() | {"cpu_capability": "AVX9", "torch_threads": 7}
    records = [
        _made({}, host={"system": "Linux", "usable_cores": 3}, numerics=settings),
        _made({}, host={"system": "Linux", "usable_cores": 3}, numerics=settings),
        _made({}),  # a record of an earlier version
    ]
    first, second = _rows(records, "Machines")
    assert first == ["system: Linux", "1"]
    assert second[0].startswith("system: Linux, usable cores: 3; cpu; AVX9 instructions; torch")
    assert "threads: 7 within" in second[0]
    assert second[1] == "2"
