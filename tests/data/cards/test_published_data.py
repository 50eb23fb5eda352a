"""Published data sets: the vocabulary of `same_as`, and the corpora of cards."""

from __future__ import annotations

from typing import Any

import pytest

from elmobench.core.errors import ConfigError
from elmobench.core.validation import validated
from elmobench.data.cards.card import TaskCard
from elmobench.data.cards.catalog import CardCatalog
from elmobench.data.cards.published_data import PUBLISHED_DATASETS
from elmobench.tasks.registries import PIPELINES
from elmobench.tasks.task import Task

CARD = {
    "name": "mine",
    "pipeline": "ner",
    "version": 1,
    "title": "t",
    "description": "d",
    "language": "en",
    "reader": {"name": "conll-columns", "options": {"scheme": "bio"}},
    "splits": {name: [{"path": name, "sha256": "0" * 64}] for name in ("train", "dev", "test")},
    "metric": "span-f1",
    "licence": "l",
    "redistributable": "no",
    "citation": "c",
}


def card(**changes: Any) -> TaskCard:
    return validated(TaskCard, {**CARD, **changes}, "mine.yaml")


def test_datasets_name_existing_pipelines_and_their_metrics() -> None:
    for name, dataset in PUBLISHED_DATASETS.items():
        assert dataset.id == name
        assert dataset.metric in PIPELINES.get(dataset.pipeline).metrics


def test_an_unknown_dataset_is_an_error_with_the_closest_names() -> None:
    with pytest.raises(ConfigError) as error:
        card(same_as="conll2003")
    assert "mine.yaml" in str(error.value)
    assert "same_as: there is no published data set 'conll2003'" in str(error.value)
    assert "did you mean 'conll2003-ner'" in str(error.value)
    with pytest.raises(ConfigError, match=r"known: .*conll2012-coref.*snli"):
        card(same_as="zzz")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"same_as": "snli"}, "snli has the pipeline 'nli', this card has 'ner'"),
        (
            {"same_as": "conll2003-ner", "metric": "token-accuracy"},
            "conll2003-ner has the metric 'span-f1', this card has 'token-accuracy'",
        ),
        (
            {"same_as": "conll2003-ner", "corpus": "reuters"},
            "conll2003-ner has the corpus 'conll2003', this card has 'reuters'",
        ),
    ],
)
def test_a_card_must_fit_its_dataset(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        card(**changes)


def test_corpus_of_a_card() -> None:
    assert card().corpus_name == "ner/mine"
    assert card(same_as="conll2003-ner").corpus_name == "conll2003"
    assert card(corpus="novels").corpus_name == "novels"
    assert card(corpus="coref/litbank").corpus_name == "coref/litbank"
    with pytest.raises(ConfigError, match="corpus"):
        card(corpus="My corpus")


def test_neither_field_changes_what_a_cell_s_identity_holds() -> None:
    plain, marked = Task(card()), Task(card(same_as="conll2003-ner"))
    assert plain.data_digest == marked.data_digest
    assert plain.card.version == marked.card.version


def test_shipped_cards_state_their_corpus_and_the_published_data() -> None:
    cards = CardCatalog().by_id
    assert all(card.corpus is not None for card in cards.values())
    same = {card.id: card.same_as for card in cards.values() if card.same_as is not None}
    # Parts and other splits of published data, such as nli/cad-snli and qa/squad-small, are none.
    assert same == {
        "nli/snli": "snli",
        "qa/squad": "squad-1.1",
        "sentiment/sst5": "sst5",
        "wsd/raganato": "semcor-raganato",
    }
    for task, dataset in same.items():
        stated = cards[task].stated("test").examples
        assert stated in PUBLISHED_DATASETS[dataset].test_examples
    corpora = {task: card.corpus_name for task, card in cards.items()}
    shared: dict[str, list[str]] = {}
    for task, corpus in corpora.items():
        shared.setdefault(corpus, []).append(task)
    assert {corpus: tasks for corpus, tasks in shared.items() if len(tasks) > 1} == {
        "control-srl": ["edges/control-edges", "srl/control-srl"],
        "control-trees": ["tree-depth/control-tree-depth", "tree-distance/control-tree-distance"],
        "ewt": [
            *("edges/propbank-ewt-roles", "edges/ud-ewt-arcs", "edges/ud-ewt-relations"),
            *("ner/uner-ewt", "pos/ud-ewt", "pos/ud-ewt-xpos", "srl/propbank-ewt"),
            *("tree-depth/ud-ewt-trees", "tree-distance/ud-ewt-trees"),
        ],
        "litbank": ["coref/litbank", "edges/litbank-pairs", "ner/litbank"],
        "rotten-tomatoes": ["sentiment/mr", "sentiment/sst2", "sentiment/sst5"],
        "semcor": ["wsd/raganato", "wsd/raganato-all"],
        "snli": ["nli/cad-snli", "nli/snli"],
        "squad": ["qa/squad", "qa/squad-small"],
    }
    assert all(corpora[task].startswith("control-") for task in corpora if "/control-" in task)
