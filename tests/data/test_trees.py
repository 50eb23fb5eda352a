"""Distances, depths and spanning trees against searches and enumeration."""

from __future__ import annotations

import itertools
import random
from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elmobench.data.examples import TreeText
from elmobench.data.trees import (
    scored_words,
    spanning_edges,
    tree_depths,
    tree_distances,
    tree_edges,
)


def random_heads(length: int, seed: int) -> list[int]:
    """Heads of a tree of any shape and order."""
    draw = random.Random(seed)
    order = list(range(length))
    draw.shuffle(order)
    heads = [-1] * length
    for place, word in enumerate(order[1:], start=1):
        heads[word] = order[draw.randrange(place)]
    return heads


@given(st.integers(1, 12), st.integers(0, 10**6))
def test_distances_by_breadth_first_search(length: int, seed: int) -> None:
    heads = random_heads(length, seed)
    neighbours: list[list[int]] = [[] for _ in heads]
    for word, head in enumerate(heads):
        if head >= 0:
            neighbours[word].append(head)
            neighbours[head].append(word)
    expected = np.full((length, length), -1)
    for start in range(length):
        expected[start, start] = 0
        waiting = deque([start])
        while waiting:
            word = waiting.popleft()
            for other in neighbours[word]:
                if expected[start, other] < 0:
                    expected[start, other] = expected[start, word] + 1
                    waiting.append(other)
    assert tree_distances(heads).tolist() == expected.tolist()
    assert tree_depths(heads).tolist() == expected[heads.index(-1)].tolist()


@pytest.mark.parametrize("heads", [[-1, -1], [1, 0], [-1, 2, 1], []])
def test_what_is_no_tree(heads: list[int]) -> None:
    for function in (tree_depths, tree_distances):
        with pytest.raises(ValueError, match="no tree"):
            function(heads)


def connects(edges: tuple[tuple[int, int], ...], words: list[int]) -> bool:
    reached = {words[0]}
    for _ in edges:
        reached |= {b for a, b in edges if a in reached} | {a for a, b in edges if b in reached}
    return reached == set(words)


@given(st.integers(2, 5), st.integers(0, 10**6), st.booleans())
def test_spanning_trees_by_enumeration(length: int, seed: int, ties: bool) -> None:
    draw = random.Random(seed)
    distances = np.zeros((length, length))
    for a, b in itertools.combinations(range(length), 2):
        # Zeros as well: the distances of a word that occurs twice.
        distances[a, b] = distances[b, a] = draw.randrange(3) if ties else draw.random()
    words = sorted(draw.sample(range(length), draw.randint(1, length)))
    pairs = list(itertools.combinations(words, 2))
    # Of trees with equal sums, the published code's: pairs are tried in their order.
    trees = [
        tree for tree in itertools.combinations(pairs, len(words) - 1) if connects(tree, words)
    ]
    order = sorted(pairs, key=lambda pair: (distances[pair], pair))
    best = min(
        trees,
        key=lambda tree: (
            round(sum(distances[pair] for pair in tree), 9),
            sorted(order.index(pair) for pair in tree),
        ),
    )
    assert spanning_edges(distances, words) == sorted(best)
    assert spanning_edges(distances.tolist(), words) == sorted(best)


@given(st.integers(1, 9), st.integers(0, 10**6))
def test_edges_of_a_tree_are_those_of_its_distances(length: int, seed: int) -> None:
    heads = random_heads(length, seed)
    draw = random.Random(seed)
    words = sorted(draw.sample(range(length), draw.randint(1, length)))
    assert tree_edges(heads, words) == spanning_edges(tree_distances(heads), words)
    every = list(range(length))
    own = sorted((min(w, h), max(w, h)) for w, h in enumerate(heads) if h >= 0)
    assert tree_edges(heads, every) == own


def test_no_words_and_punctuation() -> None:
    assert spanning_edges(np.zeros((2, 2)), []) == []
    assert scored_words(4, (1, 3)) == [0, 2]


@pytest.mark.parametrize(
    ("heads", "punctuation"), [((-1,), ()), ((-1, -1), ()), ((-1, 2), ()), ((-1, 0), (2,))]
)
def test_examples_that_cannot_be(heads: tuple[int, ...], punctuation: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^x: "):
        TreeText("x", ("a", "b"), heads, punctuation)
