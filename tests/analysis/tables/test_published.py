"""Published numbers: their data, which data sets they are on, and those that cards list."""

from __future__ import annotations

import pytest
from published_runs import number
from pydantic import ValidationError

from elmobench.analysis.tables.published import (
    numbers_of_card,
    numbers_on,
    published_numbers,
)
from elmobench.bench.experiment.options import apply_options
from elmobench.bench.experiment.schema import Axes
from elmobench.data.cards.catalog import CardCatalog
from elmobench.data.cards.matching_runs import MatchingRuns
from elmobench.data.cards.published_data import PUBLISHED_DATASETS
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.features.spec import parse_features
from elmobench.tasks.registries import HEADS, PIPELINES


def test_numbers_name_existing_data_heads_models_and_axes() -> None:
    catalog = ModelCatalog()
    for one in published_numbers():
        assert one.pipeline in PIPELINES
        assert one.split in ("dev", "test")
        if one.data is not None:
            assert PUBLISHED_DATASETS[one.data].pipeline == one.pipeline
        if one.like is not None:
            assert one.data is not None
            _check_like(one.like, one.pipeline, catalog)
        assert 0 < one.score < 100


def _check_like(like: MatchingRuns, pipeline: str, catalog: ModelCatalog) -> None:
    assert f"{pipeline}/{like.head}" in HEADS
    for spec in like.features:
        for part in parse_features(spec).parts:
            catalog.entry(part.name)
    Axes.model_validate({name: [value] for name, value in like.axes.items()})
    preset = HEADS.get(f"{pipeline}/{like.head}")
    apply_options(like.set, preset.options, preset.training, preset.mix)


def test_shipped_cards_say_why_their_own_numbers_are_not_comparable() -> None:
    for card in CardCatalog().by_id.values():
        for stated in card.published:
            if stated.like is not None:
                _check_like(stated.like, card.pipeline, ModelCatalog())
            else:
                assert stated.not_comparable


def test_numbers_are_distinct() -> None:
    keys = [(n.dataset, n.split, n.system, n.source, n.table) for n in published_numbers()]
    assert len(set(keys)) == len(keys) == 72


def test_numbers_of_the_paper_s_table_1_can_be_repeated_on_its_data() -> None:
    table = {
        (n.data, n.score): n.like is not None
        for n in published_numbers()
        if n.table == "1" and n.source.startswith("Peters")
    }
    assert table == {
        # The official test set is hidden.
        ("squad-1.1", 81.1): False,
        ("squad-1.1", 85.8): False,
        ("snli", 88.0): True,
        ("snli", 88.7): True,
        ("ontonotes5-srl", 81.4): True,
        ("ontonotes5-srl", 84.6): True,
        ("conll2012-coref", 67.2): True,
        ("conll2012-coref", 70.4): True,
        ("conll2003-ner", 90.15): True,
        ("conll2003-ner", 92.22): True,
        ("sst5", 51.4): True,
        ("sst5", 54.7): True,
    }


def test_each_coreference_head_has_the_target_of_its_own_publication() -> None:
    found = {
        (n.like.head, n.score, n.source.split(",")[0])
        for n in published_numbers()
        if n.data == "conll2012-coref" and n.like is not None
    }
    assert found == {
        ("paper", 67.2, "Peters et al. 2018"),
        ("paper", 70.4, "Peters et al. 2018"),
        ("paper-2018", 73.0, "Lee et al. 2018"),
    }


def test_a_number_has_cells_that_repeat_it_or_a_reason() -> None:
    for changes in ({"like": None}, {"not_comparable": "r"}):
        with pytest.raises(ValidationError, match="give either 'like' or 'not_comparable'"):
            number(**changes)
    with pytest.raises(ValidationError, match="no published data set 'sst-5'"):
        number(data="sst-5")
    assert number().place == "A 2020"


def test_numbers_of_a_card() -> None:
    sst5 = CardCatalog().get("sentiment/sst5")
    assert {n.data for n in numbers_on(sst5)} == {"sst5"}
    assert len(numbers_on(sst5)) == 9
    sst2 = CardCatalog().get("sentiment/sst2")
    assert numbers_on(sst2) == []
    stated = {"metric": "accuracy", "score": 90.0, "model": "m", "source": "x"}
    like = {"features": ["glove-mini"], "head": "linear"}
    card = sst2.model_validate(
        {
            **sst2.model_dump(),
            "published": [stated, {**stated, "like": like}, {**stated, "not_comparable": "r"}],
        }
    )
    one, two, three = numbers_of_card(card)
    assert (one.like, one.not_comparable) == (
        None,
        "the card does not say which cells repeat it (like)",
    )
    assert two.like is not None
    assert (two.like.head, two.system, two.dataset) == ("linear", "m", sst2.title)
    assert three.not_comparable == "r"
    with pytest.raises(ValidationError, match="contradict each other"):
        sst2.model_validate(
            {**sst2.model_dump(), "published": [{**stated, "like": like, "not_comparable": "r"}]}
        )
