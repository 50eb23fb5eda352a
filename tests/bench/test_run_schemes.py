"""The same spans in other schemes of tags give the same runs: read, trained and scored."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tiny_cards import CARD

from elmobench.bench.run import run_experiment
from elmobench.data.cards.catalog import CardCatalog
from elmobench.tasks.task import load_task

READER = (
    "{{name: conll-columns, "
    "options: {{token: 0, tag: 1, separator: whitespace, scheme: {scheme}{convert}}}}}"
)
SIZES = {"train": 40, "dev": 12, "test": 20}


def rows(spans: list[tuple[str, str]], first: str, last: str, single: str) -> list[str]:
    """Rows of spans (words, type), with the letters that the scheme has for their tokens."""
    result = []
    for words, kind in spans:
        tokens = words.split(" ")
        for i, token in enumerate(tokens):
            letter = "I" if 0 < i < len(tokens) - 1 else first if i == 0 else last
            tag = f"{single if len(tokens) == 1 else letter}-{kind}" if kind else "O"
            result.append(f"{token} {tag}")
    return [*result, ""]


SCHEMES = {"bio": "BIB", "bioes": "BES", "iobes": "BES", "bioul": "BLU"}


@pytest.fixture
def cards(tmp_path: Path) -> Path:
    """Cards of the same sentences in every scheme, for names and for chunks."""
    draw = random.Random(5)
    names = [("Ada Lovelace", "PER"), ("Alan", "PER"), ("New York City", "LOC"), ("Oslo", "LOC")]
    others = [("saw", ""), ("the", ""), ("near", "")]
    sentences = {
        split: [[draw.choice([*names, *others]) for _ in range(5)] for _ in range(size)]
        for split, size in SIZES.items()
    }
    for name, letters in SCHEMES.items():
        for pipeline in ("ner", "chunking"):
            convert = "" if name == "bio" else ", convert: bio"
            reader = READER.format(scheme=name, convert=convert)
            text = CARD.format(
                name=name, pipeline=pipeline, reader=reader, files=name, metric="span-f1"
            )
            (tmp_path / f"{pipeline}-{name}.yaml").write_text(text)
        for split, drawn in sentences.items():
            lines = [line for sentence in drawn for line in rows(sentence, *letters)]
            (tmp_path / f"{name}.{split}").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("pipeline", ["ner", "chunking"])
def test_scores_do_not_depend_on_the_scheme(cards: Path, pipeline: str) -> None:
    tasks = [f"{pipeline}/{name}" for name in SCHEMES]
    experiment = {
        "name": "schemes",
        "tasks": tasks,
        "features": ["random"],
        "heads": ["small"],
        "seeds": [1],
        "settings": {"threads": 1},
        "overrides": [{"set": {"training.epochs": 3, "options.hidden": 8}}],
    }
    summary = run_experiment(
        experiment,
        cards=CardCatalog([cards]),
        results=cards / "results",
        tracking_uri="none",
        quiet=True,
    )
    assert (summary.trained, summary.failed) == (len(SCHEMES), 0)
    results = [record.result for record in summary.records]
    first = results[0]
    assert first is not None
    # Spans are counted by their definition, in the file with a letter for every single token.
    rows_ = (cards / "bioes.test").read_text().split()
    assert first.test["support"] == sum(tag[:2] in ("B-", "S-") for tag in rows_)
    assert 0 < first.test["f1"] < 100
    for result in results[1:]:
        assert result is not None
        assert (result.test, result.predictions_digest) == (first.test, first.predictions_digest)


def test_the_examples_are_the_same_in_every_scheme(cards: Path) -> None:
    tasks = [load_task(f"ner/{name}", include=[cards]) for name in SCHEMES]
    for split in SIZES:
        expected = [(e.tokens, e.tags) for e in tasks[0].split(split)]
        for task in tasks[1:]:
            assert [(e.tokens, e.tags) for e in task.split(split)] == expected
