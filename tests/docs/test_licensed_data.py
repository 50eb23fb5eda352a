"""The guide to the paper's data: its card reads CoNLL-2003's format and gets verdicts."""

from __future__ import annotations

import re
from pathlib import Path

import made_up
import pytest
import yaml
from shown_output import ROOT, blocks

from elmobench.analysis.tables.reference_table import reference_table
from elmobench.core.errors import ElmobenchWarning
from elmobench.data.cards.card import TaskCard
from elmobench.data.cards.catalog import load_card
from elmobench.data.cards.published_data import PUBLISHED_DATASETS
from elmobench.tasks.task import Task
from elmobench.tracking.record import RunRecord

PAGE = ROOT / "docs" / "guides" / "licensed-data.md"

# Made up, in the format of the shared task: IOB1, in which a name begins with B- only after
# another one of its type.
LINES = """\
-DOCSTART- -X- -X- O

Ada NNP I-NP I-PER
Lovelace NNP I-NP I-PER
Grace NNP B-NP B-PER
left VBD I-VP O
Oslo NNP I-NP I-LOC
. . O O

It PRP I-NP O
rains VBZ I-VP O
"""


@pytest.fixture
def card(tmp_path: Path) -> TaskCard:
    """The card of the page, with made-up files."""
    (shown,) = [block.text for block in blocks(PAGE) if block.file == "cards/conll2003.yaml"]
    (tmp_path / "conll2003.yaml").write_text(shown)
    for name in ("eng.train", "eng.testa", "eng.testb"):
        (tmp_path / name).write_text(LINES)
    return load_card(tmp_path / "conll2003.yaml")


def test_the_card_reads_the_format_of_conll_2003(card: TaskCard) -> None:
    with pytest.warns(ElmobenchWarning, match="the test set has 2 examples, the published one 3,4"):
        one, two = Task(card).split("test")
    assert one.tokens == ("Ada", "Lovelace", "Grace", "left", "Oslo", ".")
    assert one.tags == ("B-PER", "I-PER", "B-PER", "O", "B-LOC", "O")
    assert two.tags == ("O", "O")
    assert (card.same_as, card.corpus_name) == ("conll2003-ner", "conll2003")


def test_the_page_lists_the_published_data_sets() -> None:
    rows = re.findall(r"^\| `([\w.-]+)` \| `(\w+)` \| (.*) \|$", PAGE.read_text("utf-8"), re.M)
    assert rows == [(d.id, d.pipeline, d.test) for d in PUBLISHED_DATASETS.values()]


def test_the_card_gets_verdicts(card: TaskCard) -> None:
    baseline, elmo = "glove-840b-300d@place=input", "glove-840b-300d@place=input+elmo-original"
    records = [
        *(run(baseline, seed, score) for seed, score in enumerate((90.1, 90.2, 90.0))),
        *(run(elmo, seed, score) for seed, score in enumerate((90.2, 90.3, 90.1))),
    ]
    assert verdicts(records, card) == {"90.15": "reproduced", "92.22 ± 0.1": "missed"}


def test_the_published_score_of_the_page_gets_a_verdict(card: TaskCard) -> None:
    (shown,) = [b.text for b in blocks(PAGE) if b.text.startswith("published:")]
    own = TaskCard.model_validate({**card.model_dump(), **yaml.safe_load(shown)})
    records = [
        run("glove-mini+elmo-mini", seed, score, head="linear", axes={"mix": "uniform"})
        for seed, score in enumerate((91.2, 91.3, 91.1))
    ]
    assert verdicts(records, own) == {"91.2 ± 0.2": "reproduced"}


def verdicts(records: list[RunRecord], card: TaskCard) -> dict[str, str]:
    """The verdict on each published score that a run repeats."""
    rows = reference_table(records, {card.id: card}, 1.0).to_dict("records")
    return {row["score"]: row["verdict"] for row in rows if row["difference"] != "–"}


def run(features: str, seed: int, score: float, **changes: object) -> RunRecord:
    """A made-up run on the whole test set."""
    record = made_up.record(features, seed, made_up.predictions(3), task="ner/conll2003")
    assert record.result is not None
    values = {
        "metric": "span-f1",
        "primary": "f1",
        "test": {"f1": score},
        "counts": {"test": 3453},
    }
    result = record.result.model_copy(update=values)
    return record.model_copy(update={"head": "paper", "result": result, **changes})
