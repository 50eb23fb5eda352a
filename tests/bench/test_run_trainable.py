"""Whole runs with trainable static vectors, and their trained heads in another process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import elmobench
from elmobench.bench.context import RunContext
from elmobench.bench.experiment.schema import parse_experiment
from elmobench.bench.plan import make_plan
from elmobench.bench.predict import Predictor
from elmobench.bench.run import run_experiment
from elmobench.bench.train_cell import build_model, prepare_data
from elmobench.core.errors import ModelError
from elmobench.data.cards.catalog import CardCatalog
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore

# Names have vectors in lower case only, "near" and "then" have none. No sentence has "lima", whose
# vector is that of a person.
VECTORS = "we 1 0 0 0\nsaw 0 1 0 0\nada 0 0 1 0\nalan 0 0 2 0\ngrace 0 0 3 0\nparis 0 0 0 1\n"
VECTORS += "rome 0 0 0 2\noslo 0 0 0 3\n. 1 1 0 0\nlima 0 0 2 0\n"


@pytest.fixture
def experiment(tiny: dict, tmp_path: Path) -> dict[str, Any]:
    """NER by a trainable lower-cased embedding and a linear layer, which reads nothing else."""
    path = tmp_path / "words.txt"
    path.write_text(VECTORS)
    model = {
        "provider": "static",
        "files": {"vectors": {"path": str(path)}},
        "options": {"format": "glove", "case": "keep"},
    }
    options = {"training.epochs": 15, "training.lr": 0.05, "options.dropout": 0.0}
    return {
        **tiny,
        "features": ["words(trainable)"],
        "models": {"words": model},
        "heads": ["linear"],
        "overrides": [{"set": {**options, "mix.trainable_lowercase": True}}],
    }


def changed(experiment: dict, **settings: Any) -> dict:
    (override,) = experiment["overrides"]
    return {**experiment, "overrides": [{"set": {**override["set"], **settings}}]}


def run(experiment: dict, cards: Path, results: Path) -> RunRecord:
    summary = run_experiment(
        experiment,
        cards=CardCatalog([cards]),
        results=results,
        tracking_uri="none",
        quiet=True,
    )
    (record,) = summary.records
    assert record.status == "ok", record.error
    return record


@pytest.mark.slow
def test_a_lower_casing_head_in_another_process(
    experiment: dict, cards: Path, tmp_path: Path
) -> None:
    """It reads no case; for a new word it reads the frozen vector of the lower-cased spelling."""
    record = run(experiment, cards, tmp_path / "r")
    assert record.result is not None
    assert record.result.test["f1"] > 90
    store = RecordStore(tmp_path / "r")
    rows = store.read_predictions(record.cell)
    tokens = [
        list(e.tokens) for e in elmobench.load_task("ner/tiny", include=[cards]).split("test")
    ]
    asked = [*tokens, *([word.upper() for word in words] for words in tokens)]
    asked += [["saw", "Lima", "."], ["SAW", "LIMA", "."], ["saw", "Zzz", "."]]
    program = (
        "import json, sys\n"
        "from pathlib import Path\n"
        "from elmobench.bench.predict import Predictor\n"
        "from elmobench.tracking.record_store import RecordStore\n"
        "predictor = Predictor(RecordStore(Path(sys.argv[1])), sys.argv[2])\n"
        "asked = json.load(sys.stdin)\n"
        "print(json.dumps([tags for _, tags in predictor.predict(asked)]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "r"), record.cell],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    predicted = json.loads(done.stdout)
    stored = [row["predicted"] for row in rows]
    assert predicted[: len(tokens)] == stored
    assert predicted[len(tokens) : 2 * len(tokens)] == stored
    assert predicted[-3:-1] == [["O", "B-PER", "O"]] * 2
    assert predicted[-1] != ["O", "B-PER", "O"]  # a word without a vector is not taken for a person


def test_a_head_of_the_earlier_format_is_cased(
    experiment: dict, cards: Path, tmp_path: Path
) -> None:
    """Format 1 has no field ``lowercase``; a format of the future is refused."""
    cased = changed(experiment, **{"mix.trainable_lowercase": False})
    record = run(cased, cards, tmp_path / "r")
    store = RecordStore(tmp_path / "r")
    path = store.head_folder(record.cell) / "head.json"
    saved = json.loads(path.read_text())
    assert (saved.pop("format_version"), saved.pop("lowercase")) == (3, False)
    assert len(saved.pop("files")) == len([saved.pop("sha256")]) == 1
    words = [["we", "saw", "Rome", "."], ["WE", "saw", "ADA", "."]]
    expected = [tags for _, tags in Predictor(store, record.cell).predict(words)]
    path.write_text(json.dumps({**saved, "format_version": 1}))
    assert [tags for _, tags in Predictor(store, record.cell).predict(words)] == expected
    path.write_text(json.dumps({**saved, "format_version": 4}))
    with pytest.raises(ModelError, match=r"of format 4; this version reads 1, 2, 3"):
        Predictor(store, record.cell)


def test_each_way_is_another_cell(experiment: dict, cards: Path) -> None:
    """The identity has both settings, for parts that are trained only."""
    catalog = CardCatalog([cards])
    digests = set()
    for settings in ({}, {"mix.trainable_lowercase": False}, {"mix.trainable_unknown": "zero"}):
        (planned,) = make_plan(
            RunContext(parse_experiment(changed(experiment, **settings)), catalog)
        )
        digests.add(planned.digest)
        (part,) = planned.identity["parts"]
        assert {"lowercase", "unknown"} <= set(part)
    assert len(digests) == 3
    frozen = {**experiment, "features": ["words"]}
    plans = [
        make_plan(RunContext(parse_experiment(changed(frozen, **settings)), catalog))
        for settings in ({}, {"mix.trainable_lowercase": False}, {"mix.trainable_unknown": "zero"})
    ]
    assert len({planned.digest for plan in plans for planned in plan}) == 1


def test_unknown_words_move_no_other_random_number(
    experiment: dict, cards: Path, tmp_path: Path
) -> None:
    """The same head, known words and frozen part, whether unknown words are drawn or zero."""
    run(experiment, cards, tmp_path / "r")  # stores the vectors
    models = []
    for unknown in ("normal", "zero"):
        raw = changed(experiment, **{"mix.trainable_unknown": unknown})
        context = RunContext(parse_experiment(raw), CardCatalog([cards]))
        (planned,) = make_plan(context)
        data = prepare_data(planned.cell, context)
        models.append((build_model(planned.cell, context, data), data.vocabulary))
    (drawn, vocabulary), (zero, same) = models
    assert vocabulary is not None
    assert same is not None
    assert vocabulary.words == same.words
    embedding = "mixers.input.parts.0.embedding.weight"
    rows, other = (model.get_parameter(embedding) for model in (drawn, zero))
    unknown_ids = [vocabulary.id_of(word) for word in ("near", "then")]
    known_ids = [i for i in range(len(vocabulary.words) + 1) if i not in unknown_ids]
    assert torch.equal(rows[known_ids], other[known_ids])
    assert (rows[unknown_ids] != 0).all()
    assert (other[unknown_ids] == 0).all()
    heads = [model.head.state_dict() for model in (drawn, zero)]
    assert heads[0].keys() == heads[1].keys()
    assert all(torch.equal(heads[0][name], heads[1][name]) for name in heads[0])
