"""Distances and depths in a dependency tree, and spanning trees of distances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def tree_depths(heads: Sequence[int]) -> NDArray[np.int64]:
    """(T,) number of edges between the root and each word of a tree.

    >>> tree_depths([1, -1, 1, 2]).tolist()
    [1, 0, 1, 2]

    Args:
        heads: the number of each word's head, from 0; -1 for the root.

    Raises:
        ValueError: the heads are no tree with one root.
    """
    depths = np.zeros(len(heads), dtype=np.int64)
    for depth, words in enumerate(_levels(heads)):
        depths[words] = depth
    return depths


def tree_distances(heads: Sequence[int]) -> NDArray[np.int64]:
    """(T, T) number of edges on the path between every two words of a tree.

    >>> tree_distances([1, -1, 1])[0].tolist()
    [0, 1, 2]

    Args:
        heads: the number of each word's head, from 0; -1 for the root.

    Raises:
        ValueError: the heads are no tree with one root.
    """
    distances = np.zeros((len(heads), len(heads)), dtype=np.int64)
    placed: list[int] = []
    for words in _levels(heads):
        for word in words:
            # Every path from a word to one that was placed before it begins with its head.
            if placed:
                path = distances[heads[word], placed] + 1
                distances[word, placed] = path
                distances[placed, word] = path
            placed.append(word)
    return distances


def scored_words(length: int, punctuation: Sequence[int]) -> list[int]:
    """The numbers of the words of a sentence that are not punctuation, in order."""
    left_out = set(punctuation)
    return [word for word in range(length) if word not in left_out]


def tree_edges(heads: Sequence[int], words: Sequence[int]) -> list[tuple[int, int]]:
    """The edges ``(a, b)``, a < b, of a tree between some of its words, sorted.

    Where a word that is left out has dependents, they are those of :func:`spanning_edges` over the
    distances in the tree. Otherwise these are the tree's own edges, which are read directly.

    >>> tree_edges([1, -1, 1, 1], [0, 1, 2])
    [(0, 1), (1, 2)]

    Args:
        heads: the number of each word's head, from 0; -1 for the root.
        words: the words that are kept, ascending.
    """
    own = [(min(word, heads[word]), max(word, heads[word])) for word in words if heads[word] >= 0]
    kept = set(words)
    edges = [(a, b) for a, b in own if a in kept and b in kept]
    if len(edges) == len(words) - 1:
        return sorted(edges)
    return spanning_edges(tree_distances(heads), words)


def spanning_edges(distances: ArrayLike, words: Sequence[int]) -> list[tuple[int, int]]:
    """The edges ``(a, b)``, a < b, of the minimum spanning tree over some words, sorted.

    Computed by SciPy. Of equal distances, that of the smaller ``(a, b)`` counts as the smaller one,
    as in the code that Hewitt and Manning published; so there is exactly one such tree.

    >>> spanning_edges([[0, 1, 4], [1, 0, 1], [4, 1, 0]], [0, 1, 2])
    [(0, 1), (1, 2)]

    Args:
        distances: (T, T) numbers; those above the diagonal are read.
        words: the words that the tree connects, ascending.
    """
    if len(words) < 2:
        return []
    from scipy.sparse.csgraph import minimum_spanning_tree

    # Ranks from 1: SciPy takes a distance of 0 for a missing edge.
    first, second = np.triu_indices(len(words), 1)
    own = np.asarray(distances)[np.ix_(words, words)][first, second]
    ranks = np.empty(len(own), dtype=np.int64)
    ranks[np.argsort(own, kind="stable")] = np.arange(1, len(own) + 1)
    graph = np.zeros((len(words), len(words)), dtype=np.int64)
    graph[first, second] = ranks
    tree = minimum_spanning_tree(graph).tocoo()
    return sorted(
        (words[min(a, b)], words[max(a, b)])
        for a, b in zip(tree.row.tolist(), tree.col.tolist(), strict=True)
    )


def _levels(heads: Sequence[int]) -> list[list[int]]:
    """The words of each depth, from the root down."""
    below: dict[int, list[int]] = {}
    for word, head in enumerate(heads):
        below.setdefault(head, []).append(word)
    levels: list[list[int]] = []
    level = below.get(-1, [])
    while level:
        levels.append(level)
        level = [word for head in level for word in below.get(head, [])]
    if len(below.get(-1, [])) != 1 or sum(map(len, levels)) != len(heads):
        raise ValueError(f"the heads {list(heads)} are no tree with one root")
    return levels
