"""The report's labels, choices, best representation, majority line and citations."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from made_records import make_record

from elmobench.analysis.report.page.choices import choice_text
from elmobench.analysis.report.page.labels import NONE, OTHERS, _matrix_table, confused
from elmobench.analysis.report.page.provenance import provenance_section
from elmobench.analysis.report.page.scores import best_of_group, grouped, majority_score
from elmobench.analysis.stats.differences import compare
from elmobench.analysis.stats.tallies import TallyCache
from elmobench.bench.run import run_experiment
from elmobench.data.cards.catalog import CardCatalog
from elmobench.tasks.registries import PIPELINES
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore


def _with(record: RunRecord, **changes: object) -> RunRecord:
    assert record.result is not None
    return record.model_copy(update={"result": record.result.model_copy(update=changes)})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    experiment = {
        **{"name": "labels", "tasks": ["sentiment/control-sentiment", "ner/control-ner"]},
        **{"features": ["random", "elmo-mini"], "heads": ["linear"], "seeds": [1, 2, 3]},
        "overrides": [{"set": {"training.epochs": 10, "training.lr": 0.03, "training.grid": {}}}],
    }
    path = tmp_path_factory.mktemp("r")
    run_experiment(experiment, results=path, tracking_uri="none", quiet=True, limit=150)
    return path


@pytest.mark.slow
def test_confusions_are_those_of_the_stored_predictions(folder: Path) -> None:
    store = RecordStore(folder)
    for record in store.planned():
        rows = store.read_predictions(record.cell)
        pipeline = PIPELINES.get(record.pipeline)
        pairs = Counter(
            pair for row in rows for pair in confused(pipeline, row["gold"], row["predicted"])
        )
        assert record.result is not None
        for label, scores in record.result.per_class.items():
            right = pairs[label, label]
            gold = sum(n for (one, _), n in pairs.items() if one == label)
            predicted = sum(n for (_, one), n in pairs.items() if one == label)
            assert scores["support"] == gold
            assert scores["recall"] == pytest.approx(100 * right / gold if gold else 0)
            assert scores["precision"] == pytest.approx(100 * right / predicted if predicted else 0)


def test_spans_with_other_borders_are_missed_and_spurious() -> None:
    pipeline = PIPELINES.get("ner")
    gold = ["B-PER", "I-PER", "O", "B-LOC", "O"]
    predicted = ["B-PER", "O", "O", "B-ORG", "B-LOC"]
    assert sorted(confused(pipeline, gold, predicted)) == sorted(
        [(NONE, "PER"), ("PER", NONE), ("LOC", "ORG"), (NONE, "LOC")]
    )


def test_rare_labels_share_a_row_and_a_column() -> None:
    pairs = Counter({(f"l{i:02}", f"l{i:02}"): 100 - i for i in range(14)})
    pairs["l12", "l13"] = 1
    table = _matrix_table("t", pairs)
    assert [column.name for column in table.columns] == [
        "gold",
        *(f"l{i:02}" for i in range(12)),
        OTHERS,
    ]
    assert table.rows[-1][-1].text == "176"  # 88 + 87 + 1
    assert sum(
        int(cell.text.replace(",", "")) for row in table.rows for cell in row[1:] if cell.text
    ) == sum(pairs.values())


@pytest.mark.slow
def test_bold_only_if_better_than_all_others(folder: Path) -> None:
    tallies = TallyCache(RecordStore(folder))
    verdicts = {}
    for group in grouped(tallies.records).values():
        task = next(iter(group.values()))[0].task
        (row,) = compare(tallies, "elmo-mini", "random", where={"task": task})
        verdicts[task] = row.verdict
        ahead = {"elmo-mini": 1.0, "random": 0.0}
        expected = "elmo-mini" if row.verdict == "better" else None
        # The order of the names is that of the report's columns, and changes nothing.
        for order in (["random", "elmo-mini"], ["elmo-mini", "random"]):
            assert best_of_group(tallies, {name: group[name] for name in order}, ahead) == expected
        behind = {"elmo-mini": 0.0, "random": 1.0}
        assert best_of_group(tallies, group, behind) is None
        alone = {"elmo-mini": group["elmo-mini"]}
        assert best_of_group(tallies, alone, {"elmo-mini": 1.0}) is None  # better than nothing
    assert verdicts["ner/control-ner"] == "better"


def test_the_majority_line_is_the_share_of_the_most_frequent_label() -> None:
    per_class = {"a": {"support": 30.0}, "b": {"support": 50.0}, "c": {"support": 20.0}}
    record = _with(make_record(), per_class=per_class, primary="accuracy")
    assert majority_score(record) == 50.0
    assert majority_score(_with(record, primary="f1")) is None
    assert majority_score(_with(record, per_class={})) is None


def test_choices_are_counted_over_seeds() -> None:
    chosen = [{"training.lr": 0.01, "mix.dropout": 0.3}] * 2 + [
        {"training.lr": 0.1, "mix.dropout": 0.0}
    ]
    records = [_with(make_record(), selection={"chosen": one, "dev": []}) for one in chosen]
    assert choice_text(records) == "lr 0.01 ×2, lr 0.1; dropout 0, dropout 0.3 ×2"
    assert choice_text([make_record()]) == ""


def test_citations_name_data_and_models() -> None:
    record = make_record().model_copy(
        update={"task": "ner/wnut17", "features": "glove-6b-100d+elmo-mini"}
    )
    section = provenance_section([record], CardCatalog().by_id)
    (table,) = [table for table in section.tables if table.title == "Citations"]
    cited = {row[0].text: row[1].text for row in table.rows}
    assert "Derczynski" in cited["ner/wnut17"]
    assert "Pennington" in cited["glove-6b-100d"]
    control = record.model_copy(update={"task": "ner/control-ner", "features": "random"})
    tables = provenance_section([control], CardCatalog().by_id).tables
    assert not [table for table in tables if table.title == "Citations"]
