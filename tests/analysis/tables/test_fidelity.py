"""Every option of a published head has a row, and every difference has a reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from elmobench.analysis.tables import fidelity
from elmobench.analysis.tables.fidelity import checks_of, fidelity_of, problems, shown
from elmobench.tasks.published_values import PublishedRow, PublishedValues, published_values
from elmobench.tasks.registries import HEADS

ROOT = Path(__file__).resolve().parents[3]
NER = published_values()["ner/paper"]
SENTIMENT = published_values()["sentiment/paper"]


@pytest.mark.parametrize("name", published_values())
def test_every_option_has_one_row_and_every_difference_a_reason(name: str) -> None:
    assert problems(published_values()[name]) == []


def with_rows(head: PublishedValues, rows: list[PublishedRow]) -> PublishedValues:
    return head.model_copy(update={"rows": {"All": tuple(rows)}})


def changed(head: PublishedValues, path: str, **fields: Any) -> PublishedValues:
    """``head`` with other fields in the row of the option ``path``."""
    rows = [
        PublishedRow(**{**row.model_dump(exclude_unset=True), **fields})
        if row.option == path
        else row
        for row in head.all_rows
    ]
    return with_rows(head, rows)


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        (changed(NER, "options.hidden", published=100), "no reason why ours is 200, published 100"),
        (changed(NER, "options.hidden", reason="why"), "a reason, though both are 200"),
        (changed(NER, "options.chars", published=1), "no reason why ours is yes, published 1"),
        (changed(NER, "options.hidden", option="options.hiden"), "not an option of ner/paper"),
        (changed(NER, "training.lr", option="options.hidden"), "training.lr: no row"),
        (changed(NER, "training.lr", option="options.hidden"), "options.hidden: 2 rows"),
        (
            changed(SENTIMENT, "options.embedding_dropout", baseline=0.5),
            "without ELMo: On the input vectors: no reason why ours is 0.25, published 0.5",
        ),
        (
            changed(SENTIMENT, "options.embedding_dropout", baseline_reason="why"),
            "without ELMo: On the input vectors: a reason, though both are 0.25",
        ),
        (
            changed(SENTIMENT, "training.lr", baseline_reason="why"),
            "a reason, though it is as with ELMo",
        ),
        (
            NER.model_copy(
                update={"baseline": NER.baseline.model_copy(update={"features": "bert"})}
            ),
            "paper/table1 does not have the features bert",
        ),
        (NER.model_copy(update={"also": {"ner/small": "no"}}), "ner/small is not the same head"),
    ],
)
def test_a_mistake_is_found(head: PublishedValues, problem: str) -> None:
    assert any(problem in text for text in problems(head)), problems(head)


OTHERS = {"pos/linear", "qa/bidaf"}
"""Presets that follow a publication under another name than ``paper``."""


def test_every_head_that_follows_a_publication_has_its_values() -> None:
    described = {name for head in published_values().values() for name in (head.head, *head.also)}
    assert described == {name for name in HEADS if "/paper" in name} | OTHERS


@pytest.mark.parametrize("name", published_values())
def test_every_head_is_held_against_another_implementation(name: str) -> None:
    checks = checks_of(published_values()[name])
    assert checks
    for check in checks:
        program, file = check.command.split()[0], Path(check.command.split()[-1])
        assert program == "elmobench" or (ROOT / file).is_file()


def test_our_values_are_those_of_the_preset(monkeypatch: pytest.MonkeyPatch) -> None:
    preset = HEADS.get("ner/paper")
    options = preset.options.model_copy(update={"hidden": 7})
    monkeypatch.setattr(fidelity, "HEADS", {"ner/paper": replace(preset, options=options)})
    lines = fidelity_of(NER).lines
    (line,) = [line for line in lines if line.published == "200"]
    assert (line.ours, line.same) == ("7", False)


def test_the_baseline_has_the_values_of_its_experiment() -> None:
    baseline = {line.what: line for line in fidelity_of(SENTIMENT).baseline}
    line = baseline["On the input vectors"]
    assert (line.published, line.ours, line.same) == ("0.25", "0.25", True)
    # With ELMo it is another value.
    assert HEADS.get("sentiment/paper").options.model_dump()["embedding_dropout"] == 0.5


def test_the_checks_are_the_comparisons_that_exist() -> None:
    assert "elmobench reference heads crf-tagger" in [check.command for check in checks_of(NER)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        ({}, "none"),
        (0.0, "0"),
        (False, "no"),
        ([0.2, 0.3, 0], "0.2, 0.3, 0"),
        ({"betas": [0.9, 0.9]}, "betas 0.9, 0.9"),
        ("all", "all"),
    ],
)
def test_values_as_text(value: Any, text: str) -> None:
    assert shown(value) == text
