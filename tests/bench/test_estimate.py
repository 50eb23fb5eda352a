"""Reports of ``validate``: sentences to encode, and overlap with the text of a model."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from command_line import elmobench

from elmobench.bench.context import RunContext
from elmobench.bench.estimate import estimate_encoding
from elmobench.bench.experiment.schema import parse_experiment
from elmobench.bench.plan import make_plan
from elmobench.core.errors import ConfigError
from elmobench.data.cards.catalog import CardCatalog
from elmobench.pretraining.model_card import ModelCard, card_of
from elmobench.tasks.task import load_task


def test_counts_are_those_of_the_distinct_sentences(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    context = RunContext(parse_experiment(tiny), CardCatalog([cards]), tmp_path / "store")
    cells = [planned.cell for planned in make_plan(context)]
    task = load_task("ner/tiny", [cards])
    distinct = {e.tokens for split in ("train", "dev", "test") for e in task.split(split)}
    static, contextual = estimate_encoding(context, cells)
    assert (static.features, contextual.features) == ("random", "elmo-random")
    assert static.sentences == contextual.sentences == len(distinct)
    assert contextual.tokens == sum(map(len, distinct))
    provider = context.provider(cells[1].parts[1])
    widths = [layer.dim for layer in provider.layers if layer.kind == "token"]
    assert contextual.bytes == 2 * contextual.tokens * sum(widths)
    assert static.bytes == 0
    assert contextual.seconds > 0
    for part in cells[1].parts:
        context.store.build(context.provider(part), context.sentences(cells[1]))
    assert all(row.sentences == row.seconds == 0 for row in estimate_encoding(context, cells))


def test_the_fixed_time_of_a_call_is_not_counted_per_token(
    cards: Path, tiny: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock:
        now = 0.0

    def encode(sentences: list[tuple[str, ...]], **_: object) -> None:
        Clock.now += 2.0 + 0.01 * sum(map(len, sentences))  # a file is read, then the words

    def encode_types(words: list[str]) -> None:
        Clock.now += 3.0 + 0.1 * len(words)

    context = RunContext(parse_experiment(tiny), CardCatalog([cards]), tmp_path / "store")
    cells = [planned.cell for planned in make_plan(context)]
    for cell in cells:
        for part in cell.parts:
            monkeypatch.setattr(context.provider(part), "encode", encode)
            monkeypatch.setattr(context.provider(part), "encode_types", encode_types)
    monkeypatch.setattr("elmobench.bench.estimate.time.perf_counter", lambda: Clock.now)
    task = load_task("ner/tiny", [cards])
    types = {token for split in task.examples().values() for e in split for token in e.tokens}
    static, contextual = estimate_encoding(context, cells)
    assert contextual.seconds == pytest.approx(2.0 + 0.01 * contextual.tokens)
    # Once per type, however often it occurs.
    assert static.seconds == pytest.approx(3.0 + 0.1 * len(types))
    assert len(types) < static.tokens


def test_validate_reports_the_overlap_with_a_models_text(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    (tmp_path / "v.txt").write_text("we 1.0 2.0\nsaw 0.5 1.0\n")
    facts = {
        "name": "v",
        "kind": "glove",
        "description": "d",
        "corpus": {
            "files": [],
            "tokenizer": None,
            "train_sentences": 1,
            "train_tokens": 1,
            "heldout_tokens": 1,
            "word_types": 1,
        },
        "tokens_seen": 1,
        "parameters": {"model": 4},
        "heldout": {},
        "seconds": 1.0,
        "hardware": {},
        "versions": {},
        "options": {},
        "licence": "l",
        "attribution": "a",
        "overlap": [
            {"task": task, "split": "test", "runs": 9, "runs_found": 2}
            | {"sentences": 7, "sentences_found": 3}
            for task in ("ner/tiny", "ner/other")
        ],
    }
    card = tmp_path / "model_card.yaml"
    card.write_text(yaml.safe_dump(facts))
    model_card = card_of(tmp_path)
    assert isinstance(model_card, ModelCard)
    assert model_card.overlap is not None
    file = tmp_path / "tiny.yaml"
    experiment = {**tiny, "features": ["static:v.txt"]}
    file.write_text(yaml.safe_dump(experiment))
    out = elmobench("validate", file, "--include", cards, cwd=tmp_path)
    assert out.returncode == 0, out.stderr
    assert "with its text: ner/tiny test 3 of 7" in out.stdout
    assert "ner/other" not in out.stdout
    # A task card newer than the model card was not checked; that differs from no overlap.
    card.write_text(yaml.safe_dump({**facts, "overlap": []}))
    out = elmobench("validate", file, "--include", cards, cwd=tmp_path)
    assert "overlap of its text with dev and test is unknown for ner/tiny" in out.stdout
    card.write_text("name: v\n")
    with pytest.raises(ConfigError, match=r"model_card.yaml"):
        card_of(tmp_path)
    assert card_of(None) is card_of(tmp_path / "nowhere") is None
