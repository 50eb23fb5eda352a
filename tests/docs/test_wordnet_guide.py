"""The guide's card for word senses with WordNet 3.0, on small files in the official layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from shown_output import ROOT, blocks

from elmobench.analysis.tables.published_comparison import Comparison, compare_with_published
from elmobench.bench.experiment.schema import load_experiment
from elmobench.bench.run import run_experiment
from elmobench.core.errors import ElmobenchWarning
from elmobench.data.cards.card import TaskCard
from elmobench.data.cards.catalog import CardCatalog, load_card
from elmobench.tracking.record import RunRecord

PAGE = ROOT / "docs" / "guides" / "licensed-data.md"

# Sense 1 of "bank" is the slope; SemCor below has only the institution. "crane" is not in SemCor.
INDEX = """\
bank%1:14:00:: 08420278 2 20
bank%1:17:01:: 09213565 1 25
crane%1:05:00:: 02012849 2 0
crane%1:06:00:: 03126707 1 3
"""
WORDS = {"t0": ("bank", "bank%1:17:01::"), "t1": ("crane", "crane%1:06:00::")}


def evaluation_set(folder: Path, name: str, words: dict[str, tuple[str, str]]) -> None:
    """Write a file of the unified evaluation framework with one sentence, and its keys."""
    folder.mkdir(parents=True)
    rows = [
        f'<instance id="d000.s000.{id}" lemma="{lemma}" pos="NOUN">{lemma}</instance>\n'
        for id, (lemma, _) in words.items()
    ]
    (folder / f"{name}.data.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8" ?>\n<corpus lang="en" source="x">\n'
        '<text id="d000">\n<sentence id="d000.s000">\n<wf lemma="the" pos="DET">The</wf>\n'
        + "".join(rows)
        + "</sentence>\n</text>\n</corpus>\n"
    )
    keys = [f"d000.s000.{id} {key}\n" for id, (_, key) in words.items()]
    (folder / f"{name}.gold.key.txt").write_text("".join(keys))


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the card of the page and its data."""
    folder = tmp_path_factory.mktemp("cards")
    (shown,) = [block.text for block in blocks(PAGE) if block.file == "cards/wordnet30.yaml"]
    (folder / "wordnet30.yaml").write_text(shown)
    framework = folder / "WSD_Evaluation_Framework"
    for name in ("senseval2", "senseval3", "semeval2007", "semeval2013", "semeval2015"):
        evaluation_set(framework / "Evaluation_Datasets" / name, name, WORDS)
    semcor = {"t0": ("bank", "bank%1:14:00::"), "t1": ("bank", "bank%1:14:00::")}
    evaluation_set(framework / "Training_Corpora" / "SemCor", "semcor", semcor)
    (folder / "WordNet-3.0" / "dict").mkdir(parents=True)
    (folder / "WordNet-3.0" / "dict" / "index.sense").write_text(INDEX)
    return folder


def test_heads_answer_first_senses_in_wordnet_s_order(cards: Path, tmp_path: Path) -> None:
    study = {
        "name": "senses",
        "tasks": ["wsd/raganato-wordnet30"],
        "features": ["random"],
        "heads": ["paper", "most-frequent", "first-sense"],
        "seeds": [1],
    }
    with pytest.warns(ElmobenchWarning, match="the test set has 4 examples, the published one 973"):
        summary = run_experiment(
            study,
            results=tmp_path,
            cards=CardCatalog([cards]),
            store=tmp_path / "store",
            tracking_uri="none",
            quiet=True,
        )
    scores = {record.head: record.result for record in summary.records}
    for head in ("paper", "most-frequent"):
        # "bank" gets the only sense of SemCor, which is wrong; "crane" gets WordNet's first sense.
        assert scores[head].test["f1"] == pytest.approx(50.0)
    assert scores["first-sense"].test["f1"] == pytest.approx(100.0)
    assert scores["first-sense"].test["support"] == 8
    assert set(scores["first-sense"].per_class) == {
        "noun",
        *("senseval2", "senseval3", "semeval2013", "semeval2015"),
    }


def test_the_page_s_experiment_names_the_card(cards: Path, tmp_path: Path) -> None:
    (shown,) = [block.text for block in blocks(PAGE) if block.file == "my-senses.yaml"]
    (tmp_path / "my-senses.yaml").write_text(shown)
    experiment = load_experiment(tmp_path / "my-senses.yaml")
    assert experiment.tasks == (load_card(cards / "wordnet30.yaml").id,)
    assert experiment.heads == ("paper", "most-frequent", "first-sense")


def comparison(score: float, card: TaskCard | None, head: str = "first-sense") -> Comparison:
    """The comparison of a made-up run with the published first sense, 65.9."""
    task = "wsd/raganato-wordnet30" if card is None else card.id
    result: dict[str, Any] = {
        "metric": "wsd-f1",
        "primary": "f1",
        "test": {"f1": score},
        "dev": {"f1": score},
        "per_class": {},
        "best_epoch": 1,
        "predictions_digest": "",
        "layer_weights": {},
        "curve": [{"epoch": 1, "train_loss": None, "dev": 1.0, "layer_weights": {}}],
        "counts": {"test": 973},
    }
    record = RunRecord.model_validate(
        {
            **{"experiment": "e", "task": task, "pipeline": "wsd", "features": "random"},
            **{"head": head, "seed": 1, "axes": {"mix": "uniform"}, "identity": {}},
            **{"status": "ok", "cell": "c", "result": result},
            **{"corpus": "semcor", "same_as": "semcor-raganato"},
        }
    )
    cards = {} if card is None else {task: card}
    rows = compare_with_published([record], 0.5, cards=cards)
    (row,) = [row for row in rows if row.number.score == 65.9]
    return row


def test_the_first_sense_gets_a_verdict_with_wordnet_only(cards: Path) -> None:
    card = load_card(cards / "wordnet30.yaml")
    assert comparison(65.86, card).verdict == "reproduced"
    assert comparison(64.2, card).verdict == "missed"
    assert comparison(65.86, card, head="paper").reason == "no run of head first-sense"
    unknown = comparison(65.86, None)
    assert (unknown.verdict, unknown.ours) == ("not comparable", ())
    assert "--include" in (unknown.reason or "")
    shipped = comparison(64.2, load_card(ROOT / "tasks" / "wsd" / "raganato.yaml"))
    assert shipped.verdict == "not comparable"
    assert shipped.reason == (
        "the reader's option inventory_format is oewn here, index-sense in the publication"
    )
