"""Coreference scores compared with the reference scorer and with their definitions."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elmobench.core.errors import DataError
from elmobench.metrics.base import get_metric
from elmobench.metrics.coreference import COREFERENCE, b_cubed, ceaf_e, lea, muc

# The program prints truncated numbers.
TRUNCATED = 0.01 + 1e-9
OFFICIAL = {"muc": "muc", "bcub": "b3", "ceafe": "ceafe"}


def test_registered() -> None:
    assert get_metric("coref") is COREFERENCE


@pytest.mark.shared
def test_equals_the_reference_scorer(shared: Path) -> None:
    cases = json.loads((shared / "fixtures/scorers/coref_cases.json").read_text("utf-8"))
    assert len(cases) == 30
    assert any(case["singletons"] for case in cases)
    for case in cases:
        gold = [clusters for _, _, clusters, _ in case["docs"]]
        predicted = [clusters for _, _, _, clusters in case["docs"]]
        values = COREFERENCE.compute(gold, predicted).values
        assert COREFERENCE.scorer(gold)(predicted) == values["conll"]
        for official, name in OFFICIAL.items():
            recall, precision, f1 = (case["perl"][official][i] for i in (2, 5, 6))
            assert values[f"{name}_recall"] == pytest.approx(recall, abs=TRUNCATED)
            assert values[f"{name}_precision"] == pytest.approx(precision, abs=TRUNCATED)
            assert values[name] == pytest.approx(f1, abs=TRUNCATED)
        average = sum(case["perl"][official][6] for official in OFFICIAL) / 3
        assert values["conll"] == pytest.approx(average, abs=TRUNCATED)


# Mentions are numbered; the label of a mention is its cluster, None for no cluster.
labels = st.lists(st.sampled_from([None, 0, 1, 2, 3]), min_size=6, max_size=6)


def clusters_of(chosen: list[int | None]) -> list[tuple[tuple[int, int], ...]]:
    groups: dict[int, list[tuple[int, int]]] = {}
    for i, label in enumerate(chosen):
        if label is not None:
            groups.setdefault(label, []).append((i, i))
    return [tuple(group) for group in groups.values()]


def links(cluster: tuple) -> set:
    """All links of a cluster; a singleton has one with itself."""
    if len(cluster) == 1:
        return {(cluster[0], cluster[0])}
    return set(itertools.combinations(sorted(cluster), 2))


def lea_by_definition(key: list, response: list) -> tuple[Fraction, int]:
    """Importance times resolution, over the links that the two sides share."""
    numerator = Fraction(0)
    for entity in key:
        shared = sum(len(links(entity) & links(other)) for other in response)
        numerator += len(entity) * Fraction(shared, len(links(entity)))
    return numerator, sum(len(entity) for entity in key)


@given(labels, labels)
def test_lea_equals_its_definition(left: list, right: list) -> None:
    key, response = clusters_of(left), clusters_of(right)
    fractions = lea(key, response)
    assert fractions[:2] == pytest.approx(tuple(map(float, lea_by_definition(key, response))))
    assert fractions[2:] == pytest.approx(tuple(map(float, lea_by_definition(response, key))))


@given(labels, labels)
def test_b_cubed_equals_its_definition(left: list, right: list) -> None:
    key, response = clusters_of(left), clusters_of(right)
    total = Fraction(0)
    for entity in key:
        for mention in entity:
            (other,) = [r for r in response if mention in r] or [()]
            total += Fraction(len(set(entity) & set(other)), len(entity))
    assert b_cubed(key, response)[0] == pytest.approx(float(total))
    assert b_cubed(key, response)[2] == pytest.approx(b_cubed(response, key)[0])


@given(labels, labels)
def test_ceaf_equals_the_best_of_all_alignments(left: list, right: list) -> None:
    key, response = clusters_of(left), clusters_of(right)
    small, large = sorted((key, response), key=len)
    best = max(
        sum(
            (
                Fraction(2 * len(set(a) & set(b)), len(a) + len(b))
                for a, b in zip(small, chosen, strict=True)
            ),
            Fraction(0),
        )
        for chosen in itertools.permutations(large, len(small))
    )
    assert ceaf_e(key, response)[0] == pytest.approx(float(best))


@given(labels, labels)
def test_muc_equals_the_links_of_a_spanning_forest(left: list, right: list) -> None:
    """The links that remain when both partitions are applied."""
    key, response = clusters_of(left), clusters_of(right)
    both: dict[tuple, int] = {}
    for i, entity in enumerate(key):
        for mention in entity:
            (other_id,) = [j for j, other in enumerate(response) if mention in other] or [None]
            both[i, mention if other_id is None else other_id] = (
                both.get((i, mention if other_id is None else other_id), 0) + 1
            )
    assert muc(key, response)[0] == sum(size - 1 for size in both.values())
    assert muc(key, response)[2] == muc(key, response)[0]


def test_fractions_are_summed_over_documents() -> None:
    gold = [[[[0, 0], [1, 1], [2, 2], [3, 3]]], [[[0, 0], [1, 1]]]]
    predicted = [[[[0, 0], [1, 1], [2, 2], [3, 3]]], [[[0, 0], [5, 5]]]]
    values = COREFERENCE.compute(gold, predicted).values
    assert values["muc_recall"] == pytest.approx(100 * 3 / 4)
    assert values["mention_recall"] == pytest.approx(100 * 5 / 6)


def test_with_and_without_singletons() -> None:
    gold = [[[[0, 0], [1, 1]], [[2, 2]]]]
    predicted = [[[[0, 0], [1, 1]], [[3, 3]]]]
    values = COREFERENCE.compute(gold, predicted).values
    assert values["conll_no_singletons"] == values["lea_no_singletons"] == pytest.approx(100)
    assert values["muc"] == pytest.approx(100)
    assert values["b3"] == pytest.approx(100 * 2 / 3)
    assert values["ceafe"] == pytest.approx(50)
    assert values["lea"] == pytest.approx(100 * 2 / 3)
    alone = COREFERENCE.compute([[[[0, 0]]]], [[[[0, 0]]]]).values
    assert alone["muc"] == 0
    assert alone["b3"] == alone["ceafe"] == alone["lea"] == 100
    assert alone["conll_no_singletons"] == 0


def test_empty_predictions_score_zero() -> None:
    values = COREFERENCE.compute([[[[0, 0], [1, 1]]]], [[]]).values
    assert set(values.values()) == {0.0}


@pytest.mark.parametrize(
    ("gold", "predicted", "message"),
    [
        ([[]], [], "1 gold documents but 0"),
        (["x"], [[]], "gold document 0.*list of clusters"),
        ([[]], [[[]]], "predicted document 0.*list of mentions"),
        ([[]], [[[[1, 2, 3]]]], r"\[first, last\]"),
        ([[]], [[[[1, True]]]], r"\[first, last\]"),
        ([[]], [[[[1, 2], [1, 2]]]], "appears twice"),
        ([[]], [[[[1, 2]], [[1, 2]]]], "appears twice"),
    ],
)
def test_wrong_shapes(gold: list, predicted: list, message: str) -> None:
    with pytest.raises(DataError, match=message):
        COREFERENCE.compute(gold, predicted)
    with pytest.raises(DataError, match=message):
        COREFERENCE.scorer(gold)(predicted)
