"""A quick try with ``limit``: a sample of each split, marked as partial, apart from the results."""

from __future__ import annotations

from pathlib import Path

import pytest

from elmobench.analysis.claims.study import Study
from elmobench.analysis.report.report import make_report
from elmobench.analysis.stats.tallies import TallyCache
from elmobench.analysis.tables.published import PublishedNumber
from elmobench.analysis.tables.published_comparison import compare_with_published
from elmobench.bench.context import RunContext
from elmobench.bench.experiment.schema import load_experiment, parse_experiment
from elmobench.bench.run import RunSummary, run_experiment
from elmobench.core.errors import ConfigError
from elmobench.data.cards.catalog import CardCatalog
from elmobench.data.cards.matching_runs import MatchingRuns
from elmobench.data.sampling import Limit
from elmobench.tasks.task import Task, load_task
from elmobench.tracking.record_store import RecordStore


def go(experiment: dict, cards: Path, **options: object) -> RunSummary:
    options = {"tracking_uri": "none", "quiet": True, **options}
    return run_experiment(experiment, cards=CardCatalog([cards]), **options)  # type: ignore[arg-type]


def test_a_task_keeps_a_sample_of_each_split_and_all_labels() -> None:
    full = load_task("ner/control-ner")
    part = Task(full.card, limit=Limit.parse(5))
    for split in full.splits:
        assert part.split(split) == Limit.parse(5).sample(full.split(split))
        assert part.split_counts[split].examples == 5
    assert part.labels == full.labels
    assert part.data_digest == full.data_digest


@pytest.mark.slow
def test_the_cells_are_others_marked_everywhere_and_apart_from_the_results(
    cards: Path, tiny: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    full = go(tiny, cards)
    before = {path: path.read_bytes() for path in Path("results").rglob("*.json")}
    part = go(tiny, cards, limit=12)
    assert part.folder == Path("results/tiny-limit-12")
    assert part.encoded_sentences == 0  # a sample of what is stored
    assert {path: path.read_bytes() for path in before} == before
    assert not {record.cell for record in part.records} & {record.cell for record in full.records}
    for record in part.records:
        assert record.limit == record.axes["limit"] == record.identity["limit"] == "12"
        assert record.result is not None
        assert record.result.counts["test"] == 12
        assert any("quick try" in caveat for caveat in record.caveats)
    assert all(record.limit is None and "limit" not in record.identity for record in full.records)
    report = make_report(part.folder, CardCatalog([cards]))
    assert any("at most 12 examples" in caveat for caveat in report.caveats)
    assert set(report.sections[0].table["limit"].astype(str)) == {"12"}
    assert Study(TallyCache(RecordStore(full.folder))).records
    assert not Study(TallyCache(RecordStore(part.folder))).records


def test_only_the_sample_is_encoded(cards: Path, tiny: dict, tmp_path: Path) -> None:
    part = go(tiny, cards, limit="10%", results=tmp_path / "r", store=tmp_path / "s")
    assert part.encoded_sentences <= 2 * (6 + 2 + 3)
    context = RunContext(
        parse_experiment(tiny).with_limit("10%"), CardCatalog([cards]), tmp_path / "s"
    )
    assert [len(context.task("ner/tiny").split(name)) for name in ("train", "dev", "test")] == [
        6,
        2,
        3,
    ]


@pytest.mark.parametrize("limit", [None, 10])
def test_no_published_number_is_held_against_a_sample(
    limit: int | None, cards: Path, tiny: dict, tmp_path: Path
) -> None:
    done = go(tiny, cards, limit=limit, results=tmp_path / "r")
    number = PublishedNumber(
        **{"pipeline": "ner", "dataset": "a set", "metric": "f1", "score": 50.0},
        **{"system": "a model", "source": "a paper", "data": "conll2003-ner"},
        like=MatchingRuns(head="small", features=("random",)),
    )
    records = [record.model_copy(update={"same_as": "conll2003-ner"}) for record in done.records]
    (row,) = compare_with_published(records, margin=1.0, numbers=[number])
    assert row.verdict == "not comparable"
    assert ("quick try" in (row.reason or "")) == (limit is not None)


def test_ceilings_of_whole_test_sets_are_not_shown(tmp_path: Path) -> None:
    experiment = {
        **{"name": "c", "tasks": ["wsd/control-wsd"], "features": ["random"]},
        "heads": ["most-frequent"],
    }
    part = run_experiment(
        experiment, results=tmp_path / "r", tracking_uri="none", quiet=True, limit=20
    )
    assert "context-free ceiling" not in make_report(part.folder).sections[0].table


def test_the_field_of_an_experiment_file(tiny: dict) -> None:
    experiment = parse_experiment({**tiny, "limit": "5.0 %"})
    assert experiment.limit == "5%"
    assert len(experiment.caveats) == 1
    assert parse_experiment(experiment.model_dump()) == experiment
    assert parse_experiment(tiny).with_limit("5%").name == "tiny-limit-5-percent"
    assert load_experiment("demo", ["limit=30"]).limit == "30"
    with pytest.raises(ConfigError, match="not a limit"):
        parse_experiment({**tiny, "limit": 0})
    with pytest.raises(ConfigError, match="limit is true or false, expected a number"):
        parse_experiment({**tiny, "limit": True})


def test_another_limit_replaces_what_is_said_of_the_first(tiny: dict) -> None:
    experiment = parse_experiment({**tiny, "caveats": ["small"], "limit": 50}).with_limit("5%")
    assert experiment.caveats == (
        "small",
        "A quick try, not a result: 5% of each of train, dev and test (limit 5%).",
    )
