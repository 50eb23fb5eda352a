"""A user's own copy of a published data set: from its card to a verdict in the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import made_up
import pytest
from published_runs import records_of
from scipy import stats
from shown_output import ROOT, blocks

from elmobench.analysis.report.report import REFERENCES, make_report
from elmobench.analysis.tables.published_comparison import compare_with_published
from elmobench.bench.experiment.schema import load_experiment
from elmobench.data.cards.catalog import CardCatalog
from elmobench.data.cards.published_data import PUBLISHED_DATASETS
from elmobench.tracking.record_store import RecordStore

GUIDE = ROOT / "docs" / "guides" / "licensed-data.md"
TASKS = {
    "ner/conll2003": "conll2003-ner",
    "srl/conll2012": "ontonotes5-srl",
    "coref/conll2012": "conll2012-coref",
    "pos/ptb": "ptb-pos",
    "nli/snli": "snli",
    "sentiment/sst5": "sst5",
}


def repeated(text: str, folder: Path, table: str) -> dict[str, set[float]]:
    """The scores of a table of the paper, or of Lee et al., that an experiment file repeats."""
    (folder / "mine.yaml").write_text(text)
    experiment = load_experiment(folder / "mine.yaml")
    pipelines = {task: PUBLISHED_DATASETS[TASKS[task]].pipeline for task in experiment.tasks}
    found: dict[str, set[float]] = {task: set() for task in experiment.tasks}
    for row in compare_with_published(records_of(experiment, pipelines, TASKS), 1.0):
        if row.number.table == table and row.ours:
            # Each seed once: no other point of the grid matches the published system.
            assert len(row.ours) == len(experiment.seeds)
            assert row.number.score not in found[row.task]
            found[row.task].add(row.number.score)
    return found


def test_the_guide_s_experiment_repeats_table_1(tmp_path: Path) -> None:
    (text,) = [block.text for block in blocks(GUIDE) if block.file == "my-table1.yaml"]
    assert repeated(text, tmp_path, "1") == {
        "ner/conll2003": {90.15, 92.22},
        "srl/conll2012": {81.4, 84.6},
        "coref/conll2012": {67.2, 70.4},
    }


def test_the_guide_s_experiment_repeats_lee_et_al(tmp_path: Path) -> None:
    (text,) = [block.text for block in blocks(GUIDE) if block.file == "my-coref-2018.yaml"]
    assert repeated(text, tmp_path, "1") == {"coref/conll2012": {73.0}}


@pytest.mark.parametrize(
    ("experiment", "scores"),
    [
        ("table1-nli", {"nli/snli": {88.0}}),
        ("table1-sentiment", {"sentiment/sst5": {51.4, 54.7}}),
    ],
)
def test_experiments_with_the_published_vectors_repeat_table_1(
    experiment: str, scores: dict[str, set[float]], tmp_path: Path
) -> None:
    text = f"extends: paper/{experiment}\nname: mine\n"
    assert repeated(text, tmp_path, "1") == scores


@pytest.mark.parametrize(
    ("table", "task", "scores"),
    [
        ("1", "nli/snli", {88.0, 88.7}),
        ("2", "nli/snli", {88.1, 89.1, 89.3, 89.5}),
        ("2", "srl/conll2012", {81.6, 84.1, 84.6, 84.8}),
        ("3", "srl/conll2012", {84.7, 84.3, 80.9}),
        ("6", "pos/ptb", {97.3, 96.8}),
    ],
)
def test_other_tables_of_the_paper_are_repeated(
    table: str, task: str, scores: set[float], tmp_path: Path
) -> None:
    text = f"extends: paper/table{table}\nname: mine\ntasks: [{task}]\n"
    assert repeated(text, tmp_path, table) == {task: scores}


CARD = """\
name: mine
pipeline: {pipeline}
version: 1
title: My copy
description: d
language: en
same_as: {same_as}
reader: {{name: {reader}{options}}}
splits: {{train: [{{path: train}}], dev: [{{path: dev}}], test: [{{path: test}}]}}
metric: {metric}
licence: LDC
redistributable: no
citation: c
"""
BASELINE = "glove-840b-300d@place=input"
ELMO = f"{BASELINE}+elmo-original"


NER = {
    "pipeline": "ner",
    "same_as": "conll2003-ner",
    "reader": "conll-columns",
    "options": ", options: {token: 0, tag: 3, separator: whitespace, scheme: bio}",
    "metric": "span-f1",
}
SRL = {
    "pipeline": "srl",
    "same_as": "ontonotes5-srl",
    "reader": "conll-2012-srl",
    "options": "",
    "metric": "srl-f1",
}
COREF = {
    "pipeline": "coref",
    "same_as": "conll2012-coref",
    "reader": "conll-coref",
    "options": "",
    "metric": "coref",
}


@pytest.mark.parametrize(
    ("card", "key", "features", "published"),
    [
        (NER, "f1", BASELINE, 90.15),
        (NER, "f1", ELMO, 92.22),
        (SRL, "f1", BASELINE, 81.4),
        (SRL, "f1", ELMO, 84.6),
        (COREF, "conll", BASELINE, 67.2),
        (COREF, "conll", ELMO, 70.4),
        (COREF | {"head": "paper-2018"}, "conll", ELMO, 73.0),
    ],
    ids=[
        *("ner baseline", "ner elmo", "srl baseline", "srl elmo"),
        *("coref baseline", "coref elmo", "coref 2018 elmo"),
    ],
)
@pytest.mark.parametrize(
    ("distances", "expected"),
    [
        ((0.1, -0.1, 0.0), "reproduced"),
        ((-2.1, -1.9, -2.0), "missed"),
        ((-2.0, 2.0, 0.5), "undecided"),
    ],
    ids=["reproduced", "missed", "undecided"],
)
def test_a_licensed_card_gets_a_verdict(
    tmp_path: Path,
    card: dict[str, str],
    key: str,
    features: str,
    published: float,
    distances: tuple[float, ...],
    expected: str,
) -> None:
    """From a card in the user's folder and records that an earlier version wrote, to the report."""
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "mine.yaml").write_text(CARD.format(**card))
    task = f"{card['pipeline']}/mine"
    store = RecordStore(tmp_path / "results")
    for seed, distance in enumerate(distances):
        made = made_up.record(features, seed, made_up.predictions(3), task=task)
        assert made.result is not None
        scores = {key: published + distance}
        changes: dict[str, Any] = {
            **{"metric": card["metric"], "primary": key, "test": scores, "dev": scores},
            "counts": {"test": {"ner": 3453, "coref": 348}.get(card["pipeline"], 9000)},
        }
        result = made.result.model_copy(update=changes)
        store.write(made.model_copy(update={"head": card.get("head", "paper"), "result": result}))
    report = make_report(tmp_path / "results", CardCatalog([tmp_path / "cards"]))
    (section,) = [section for section in report.sections if section.title == REFERENCES]
    rows = section.table.to_dict("records")
    # Scores on dev are compared as well, with those of the paper's tables 2 and 3.
    (row,) = [
        row for row in rows if row["difference"] != "–" and not row["reference"].startswith("dev")
    ]
    assert row["score"].split(" ")[0] == f"{published}"
    assert row["verdict"].split(":")[0] == expected
    assert features in row["ours"]
    difference, interval = row["difference"].split(" ", 1)
    assert float(difference) == pytest.approx(sum(distances) / 3, abs=0.005)
    half = stats.sem(distances) * stats.t.ppf(0.975, 2)
    if "±" not in row["score"]:
        low, high = interval.strip("()").split(" … ")
        assert float(high) - float(low) == pytest.approx(2 * half, abs=0.011)
    assert row["margin"] == "1.0"
    # Without the card nothing says which data they are.
    plain = make_report(tmp_path / "results")
    assert all(section.title != REFERENCES for section in plain.sections)
