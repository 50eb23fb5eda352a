"""Candidate mentions of documents: which there are, which are kept, and clusters of links."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elmobench.data.examples import CoreferenceDocument, Span

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Candidates:
    """All spans of up to a width that lie in one sentence, of several documents in a row.

    Tokens count over all documents. Candidates are sorted by first, then by last token.

    Attributes:
        first, last: (S,) tokens, inclusive.
        cluster: (S,) number of the gold cluster, from 1 and unique in the batch; 0 for none.
        tokens: (documents + 1,) first token of each document, and the end.
        spans: (documents + 1,) first candidate of each document, and the end.
    """

    first: IntArray
    last: IntArray
    cluster: IntArray
    tokens: IntArray
    spans: IntArray


def candidates(documents: Sequence[CoreferenceDocument], width: int) -> Candidates:
    """The candidates of ``documents``, up to ``width`` tokens wide."""
    lengths = [len(sentence) for document in documents for sentence in document.sentences]
    # For each token the number of tokens from it to its sentence's end.
    left = np.concatenate([np.arange(n, 0, -1) for n in lengths] or [np.zeros(0, np.int64)])
    number = np.minimum(left, width)
    start = np.concatenate([[0], np.cumsum(number)])  # first candidate of each token
    first = np.repeat(np.arange(len(left)), number)
    last = first + np.arange(len(first)) - start[first]
    tokens = np.cumsum([0, *(sum(map(len, d.sentences)) for d in documents)])
    cluster = np.zeros(len(first), dtype=np.int64)
    count = 0
    for document, offset in zip(documents, tokens.tolist(), strict=False):
        for mentions in document.clusters:
            count += 1
            for begin, end in mentions:
                # Wider mentions, and those that leave their sentence, are no candidates.
                if end - begin < number[offset + begin]:
                    cluster[start[offset + begin] + end - begin] = count
    return Candidates(first, last, cluster, tokens, start[tokens])


def keep_best(scores: NDArray[np.float32], first: IntArray, last: IntArray, limit: int) -> IntArray:
    """Numbers of the ``limit`` best spans of which no two cross, ascending.

    Spans are taken from the best score down (of equal ones the first); one that partly overlaps
    a span already taken is passed over (Lee et al. 2017, section 5).
    """
    order = np.argsort(-scores, kind="stable")
    if bool((first == last).all()):
        return np.sort(order[:limit])
    kept: list[int] = []
    latest_end: dict[int, int] = {}  # of the kept spans that start at a token
    earliest_start: dict[int, int] = {}  # of those that end at it
    for i in order.tolist():
        if len(kept) == limit:
            break
        a, b = int(first[i]), int(last[i])
        crosses = any(latest_end.get(t, -1) > b for t in range(a + 1, b + 1)) or any(
            earliest_start.get(t, a) < a for t in range(a, b)
        )
        if not crosses:
            kept.append(i)
            latest_end[a] = max(b, latest_end.get(a, b))
            earliest_start[b] = min(a, earliest_start.get(b, a))
    return np.array(sorted(kept), dtype=np.int64)


def clusters_of(links: Iterable[tuple[Span, Span]], alone: Iterable[Span]) -> list[list[list[int]]]:
    """Connected mentions as sorted clusters; ``alone`` ones that no link holds as singletons."""
    home: dict[Span, list[Span]] = {}
    for left, right in links:
        a, b = home.setdefault(left, [left]), home.setdefault(right, [right])
        if a is not b:
            a += b
            for mention in b:
                home[mention] = a
    for mention in alone:
        home.setdefault(mention, [mention])
    distinct = {id(cluster): cluster for cluster in home.values()}
    return sorted(sorted([list(m) for m in cluster]) for cluster in distinct.values())
