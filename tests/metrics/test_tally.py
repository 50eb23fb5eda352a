"""Summed counts per example give the scores of ``compute`` on every subset of the examples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elmobench.core.errors import DataError
from elmobench.metrics.base import METRICS, Metric, Scores, get_metric

label = st.sampled_from(["a", "b", "c"])
words = st.sampled_from(["the cat", "a cat", "cat sat", "", "Cat!", "dog"])
gap_label = st.sampled_from(["A", "B", "neither"])
label_set = st.lists(label, unique=True)
label_sets = st.lists(st.tuples(label_set, label_set, label_set), min_size=1, max_size=8)
edge_row = st.lists(st.tuples(label_set, label_set, label_set), min_size=1, max_size=3).map(
    lambda edges: tuple([list(side) for side in zip(*edges, strict=True)])
)
edge_rows = st.lists(edge_row, min_size=1, max_size=6)
senses = st.lists(st.sampled_from(["s%1", "s%2", "s%3"]), unique=True)


@st.composite
def tags(draw: st.DrawFn, legal: bool = False) -> tuple[list[str], list[str], list[str]]:
    length = draw(st.integers(1, 6))
    kinds = ["X", "Y", "V", "C-X"] if legal else ["X", "Y"]

    def one_system() -> list[str]:
        out: list[str] = []
        for _ in range(length):
            options = ["O", *(f"B-{k}" for k in kinds)]
            if not legal:
                options += [f"I-{k}" for k in kinds]
            elif out and out[-1] != "O":
                options.append(f"I-{out[-1][2:]}")
            out.append(draw(st.sampled_from(options)))
        return out

    return one_system(), one_system(), one_system()


@st.composite
def pos(draw: st.DrawFn) -> tuple[list[str], list[str], list[str]]:
    length = draw(st.integers(1, 5))
    a, b, c = (draw(st.lists(label, min_size=length, max_size=length)) for _ in range(3))
    return a, b, c


@st.composite
def clusters(draw: st.DrawFn) -> list[list[list[int]]]:
    cluster_ids = draw(st.lists(st.integers(-1, 3), min_size=6, max_size=6))
    grouped = [[[i, i] for i, h in enumerate(cluster_ids) if h == k] for k in range(4)]
    return [cluster for cluster in grouped if cluster]


@st.composite
def sense_rows(draw: st.DrawFn) -> list[tuple[Any, Any, Any]]:
    rows = []
    for i in range(draw(st.integers(1, 5))):
        gold, left, right = [], [], []
        for j in range(draw(st.integers(0, 3))):
            name = f"d{i}.{j}"
            gold.append({"id": name, "senses": draw(senses.filter(bool)), "pos": "n"})
            left.append({"id": name, "senses": draw(senses)})
            right.append({"id": name if j else f"other{i}", "senses": draw(senses)})
        rows.append((gold, left, right))
    return rows


@st.composite
def trees(draw: st.DrawFn, pairs: bool) -> tuple[Any, Any, Any]:
    """A tree of five to seven words, so that every subset has rank correlations."""
    length = draw(st.integers(5, 7))
    heads = [-1, *(draw(st.integers(0, i)) for i in range(length - 1))]
    marks = draw(st.lists(st.integers(0, length - 1), max_size=3, unique=True))
    number = length * (length - 1) // 2 if pairs else length
    one = st.lists(st.integers(0, 4), min_size=number, max_size=number)
    return {"heads": heads, "punctuation": marks}, draw(one), draw(one)


gap_row = st.tuples(gap_label, gap_label, gap_label, st.sampled_from(["masculine", "feminine"]))
rows_of: dict[str, st.SearchStrategy[list[tuple[Any, Any, Any]]]] = {
    "accuracy": st.lists(st.tuples(label, label, label), min_size=1, max_size=12),
    "macro-f1": st.lists(st.tuples(label, label, label), min_size=1, max_size=12),
    "label-set-micro-f1": label_sets,
    "label-set-macro-f1": label_sets,
    "subset-accuracy": label_sets,
    "edge-micro-f1": edge_rows,
    "edge-accuracy": edge_rows,
    "token-accuracy": st.lists(pos(), min_size=1, max_size=6),
    "span-f1": st.lists(tags(), min_size=1, max_size=6),
    "srl-f1": st.lists(tags(legal=True), min_size=1, max_size=6),
    "uuas": st.lists(trees(pairs=True), min_size=1, max_size=4),
    "dspr": st.lists(trees(pairs=True), min_size=1, max_size=4),
    "root-accuracy": st.lists(trees(pairs=False), min_size=1, max_size=4),
    "nspr": st.lists(trees(pairs=False), min_size=1, max_size=4),
    "squad": st.lists(
        st.tuples(st.lists(words, min_size=1), st.none() | words, words), min_size=1, max_size=6
    ),
    "exact-match": st.lists(
        st.tuples(st.lists(words, min_size=1), words, words), min_size=1, max_size=6
    ),
    "wsd-f1": sense_rows(),
    "coref": st.lists(st.tuples(clusters(), clusters(), clusters()), min_size=1, max_size=4),
    "gap": st.lists(
        gap_row.map(lambda r: ({"label": r[0], "gender": r[3]}, {"label": r[1]}, {"label": r[2]})),
        min_size=1,
        max_size=12,
    ),
}


WITHOUT_COUNTS = {"pearson", "spearman"}
"""Metrics whose influence is tested in test_correlation.py."""


def test_every_metric_has_an_influence_most_by_a_tally() -> None:
    assert set(rows_of) == set(METRICS.names()) - WITHOUT_COUNTS
    assert all(get_metric(name).has_influence for name in METRICS.names())


@pytest.mark.parametrize("name", sorted(rows_of))
@settings(max_examples=25)
@given(data=st.data())
def test_equals_compute_on_every_subset(name: str, data: st.DataObject) -> None:
    metric = get_metric(name)
    rows = data.draw(rows_of[name])
    gold, left, right = (list(side) for side in zip(*rows, strict=True))
    tally = metric.tally(gold, [left, right])
    assert tally.counts.shape[:2] == (2, len(rows))
    keep = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, unique=True))
    sums = tally.counts[:, keep].sum(axis=1)
    for system, got in zip((left, right), tally.score(sums), strict=True):
        expected = metric.compute([gold[i] for i in keep], [system[i] for i in keep])
        assert got == pytest.approx(expected.score, abs=1e-9)
    assert np.array_equal(tally.score(sums[None]), tally.score(sums)[None])


def test_a_metric_without_counts_raises_an_error() -> None:
    class Odd(Metric):
        name, version, primary = "odd", 1, "odd"

        def compute(self, gold: Any, predicted: Any) -> Scores:
            return Scores("odd", {"odd": 0.0})

    with pytest.raises(DataError, match="tally"):
        Odd().tally([], [])
