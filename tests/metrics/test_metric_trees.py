"""UUAS, DSpr, root accuracy and NSpr against loops with SciPy's correlation and Kruskal's rule."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from elmobench.core.errors import DataError, UndefinedScoreError
from elmobench.metrics.base import get_metric

HEADS = {"heads": [1, -1, 1, 2], "punctuation": []}


def drawn(length: int, seed: int) -> tuple[dict[str, list[int]], list[float], list[float]]:
    """A tree with punctuation, distances of its pairs and depths of its words, with ties."""
    draw = random.Random(seed)
    order = list(range(length))
    draw.shuffle(order)
    heads = [-1] * length
    for place, word in enumerate(order[1:], start=1):
        heads[word] = order[draw.randrange(place)]
    marks = sorted(draw.sample(range(length), draw.randint(0, length // 2)))
    pairs = [float(draw.randint(0, 4)) for _ in range(length * (length - 1) // 2)]
    depths = [float(draw.randint(0, 4)) for _ in range(length)]
    return {"heads": heads, "punctuation": marks}, pairs, depths


def paths(heads: list[int]) -> list[list[int]]:
    """Distances from the chains of ancestors of both words."""
    chains = []
    for word in range(len(heads)):
        chain = [word]
        while heads[chain[-1]] >= 0:
            chain.append(heads[chain[-1]])
        chains.append(chain)
    return [
        [
            next(i + other.index(word) for i, word in enumerate(chain) if word in other)
            for other in chains
        ]
        for chain in chains
    ]


def kruskal(square: Any, words: list[int]) -> set[tuple[int, int]]:
    """Pairs by distance, in their order where it is equal, unless they are connected already."""
    group = {word: {word} for word in words}
    edges = set()
    for a, b in sorted(itertools.combinations(words, 2), key=lambda pair: square[pair[0]][pair[1]]):
        if group[a] is not group[b]:
            edges.add((a, b))
            group[a] |= group[b]
            for word in group[b]:
                group[word] = group[a]
    return edges


def or_zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value


@pytest.mark.filterwarnings("ignore:An input array is constant")
@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 10**6)), min_size=1, max_size=5))
def test_equal_to_loops_over_sentences_and_words(sizes: list[tuple[int, int]]) -> None:
    rows = [drawn(*size) for size in sizes]
    gold = [row[0] for row in rows]
    right = edges = roots = 0
    by_length: dict[int, tuple[list[float], list[float]]] = {}
    for tree, pairs, depths in rows:
        heads = tree["heads"]
        length = len(heads)
        true = paths(heads)
        square = np.zeros((length, length))
        for (a, b), value in zip(itertools.combinations(range(length), 2), pairs, strict=True):
            square[a, b] = square[b, a] = value
        words = [word for word in range(length) if word not in tree["punctuation"]]
        truth = kruskal(true, words)
        right += len(truth & kruskal(square, words))
        edges += len(truth)
        roots += heads[min(words, key=lambda word: (depths[word], word))] == -1
        if 5 <= length <= 50:
            own = by_length.setdefault(length, ([], []))
            own[0].extend(
                or_zero(spearmanr(a, b).statistic) for a, b in zip(square, true, strict=True)
            )
            own[1].append(or_zero(spearmanr(depths, true[heads.index(-1)]).statistic))
    distance = get_metric("uuas").compute(gold, [row[1] for row in rows]).values
    depth = get_metric("root-accuracy").compute(gold, [row[2] for row in rows]).values
    assert distance["uuas"] == pytest.approx(100 * right / edges if edges else 0.0)
    assert depth["root_accuracy"] == pytest.approx(100 * roots / len(rows))
    for values, name, column in ((distance, "dspr", 0), (depth, "nspr", 1)):
        means = [sum(own[column]) / len(own[column]) for own in by_length.values()]
        if means:
            assert values[name] == pytest.approx(100 * sum(means) / len(means), abs=1e-9)
        else:
            assert name not in values


def test_the_true_numbers_have_full_scores() -> None:
    tree, _, _ = drawn(9, 4)
    tree["punctuation"] = [2]
    true = paths(tree["heads"])
    pairs = [float(true[a][b]) for a, b in itertools.combinations(range(9), 2)]
    assert get_metric("dspr").compute([tree], [pairs]).values == {
        "uuas": 100.0,
        "dspr": pytest.approx(100.0),
    }
    depths = [float(one) for one in true[tree["heads"].index(-1)]]
    scores = get_metric("nspr").compute([tree], [depths])
    assert scores.values == {"root_accuracy": 100.0, "nspr": pytest.approx(100.0)}
    assert scores.primary == "nspr"
    assert get_metric("nspr").compute([tree], [[-d for d in depths]]).score == pytest.approx(-100)


def test_roots_among_punctuation() -> None:
    metric = get_metric("root-accuracy")
    tree = {"heads": [1, -1, 1], "punctuation": [0]}
    assert metric.compute([tree], [[0.0, 1.0, 2.0]]).score == 100.0
    assert metric.compute([tree], [[0.0, 1.0, 0.5]]).score == 0.0
    # A root that is punctuation is never found, unless there is nothing else.
    assert metric.compute([{**tree, "punctuation": [1]}], [[1.0, 0.0, 2.0]]).score == 0.0
    assert metric.compute([{**tree, "punctuation": [0, 1, 2]}], [[1.0, 0.0, 2.0]]).score == 100.0


def test_differences_and_examples() -> None:
    rows = [drawn(length, length) for length in (5, 6, 6, 3)]
    gold, pairs = [row[0] for row in rows], [row[1] for row in rows]
    metric = get_metric("dspr")
    influence = metric.influence(gold, [pairs], ["a", "a", "b", "c"])
    assert influence.largest == 200.0
    assert influence.scores[0] == pytest.approx(metric.compute(gold, pairs).score)
    own = metric.example_scores(gold, [pairs])[0]
    assert own[0] == pytest.approx(metric.compute(gold[:1], pairs[:1]).score)
    assert get_metric("uuas").influence(gold, [pairs], list("abcd")).largest == 100.0


def test_no_sentence_of_five_words() -> None:
    with pytest.raises(UndefinedScoreError, match="no sentence has 5 to 50 words"):
        get_metric("dspr").compute([HEADS], [[1.0] * 6])
    assert get_metric("uuas").compute([HEADS], [[1.0] * 6]).values.keys() == {"uuas"}


@pytest.mark.parametrize(
    ("name", "gold", "predicted", "message"),
    [
        ("uuas", [HEADS], [], "1 gold trees but 0"),
        ("uuas", [], [], "no sentences"),
        ("uuas", [HEADS], [[1.0]], "predicted 0.*1 numbers, expected 6 for a sentence of 4"),
        ("root-accuracy", [HEADS], [[1.0] * 6], "predicted 0.*6 numbers, expected 4"),
        ("root-accuracy", [HEADS], [[1.0, 2.0, math.inf, 1.0]], "not finite"),
        ("root-accuracy", [HEADS], [[1.0, "a", 1.0, 1.0]], "list of numbers"),
        ("root-accuracy", [HEADS], [3.0], "list of numbers"),
        ("uuas", [{"heads": [], "punctuation": []}], [[]], "gold 0.*no tree"),
    ],
)
def test_annotations_of_another_form(name: str, gold: Any, predicted: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        get_metric(name).compute(gold, predicted)
