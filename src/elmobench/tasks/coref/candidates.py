"""Candidate mentions of documents, their pruning, and clusters from links."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from elmobench.data.examples import CoreferenceDocument, Span

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Candidates:
    """The S candidate mentions of several documents: all spans in a sentence up to a width.

    Tokens are numbered across the documents. Candidates are sorted by first, then by last token.

    Attributes:
        first, last: (S,) first and last token, both inclusive.
        cluster: (S,) number of the gold cluster, from 1 and unique in the batch; 0 for none.
        tokens: (documents + 1,) number of each document's first token, then the total.
        spans: (documents + 1,) number of each document's first candidate, then the total.
    """

    first: IntArray
    last: IntArray
    cluster: IntArray
    tokens: IntArray
    spans: IntArray

    @cached_property
    def ends(self) -> list[tuple[list[int], list[int]]]:
        """Of each document the first and the last tokens of its candidates, from its start on."""
        return [
            ((self.first[a:b] - token).tolist(), (self.last[a:b] - token).tolist())
            for (a, b), token in zip(pairwise(self.spans.tolist()), self.tokens, strict=False)
        ]


def candidates(documents: Sequence[CoreferenceDocument], width: int) -> Candidates:
    """The candidates of ``documents``: spans of at most ``width`` tokens."""
    lengths = [len(sentence) for document in documents for sentence in document.sentences]
    # For each token the number of tokens from it to the end of its sentence.
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
                # Mentions that are wider or cross a sentence boundary are no candidates.
                if end - begin < number[offset + begin]:
                    cluster[start[offset + begin] + end - begin] = count
    return Candidates(first, last, cluster, tokens, start[tokens])


def keep_best(
    scores: NDArray[np.float32], first: list[int], last: list[int], limit: int
) -> IntArray:
    """Numbers of the ``limit`` best spans, no two of which cross, in ascending order.

    Spans are taken by descending score, the first of equals first. A span that partly overlaps one
    already taken is skipped (Lee et al. 2017, section 5).
    """
    order = np.argsort(-scores, kind="stable")
    if first == last:
        return np.sort(order[:limit])
    kept: list[int] = []
    tokens = max(last, default=-1) + 1
    latest_end = [-1] * tokens  # last token of the kept spans, by first token
    earliest_start = [tokens] * tokens  # first token of the kept spans, by last token
    for i in order.tolist():
        if len(kept) == limit:
            break
        a, b = first[i], last[i]
        if a < b and (max(latest_end[a + 1 : b + 1]) > b or min(earliest_start[a:b]) < a):
            continue
        kept.append(i)
        latest_end[a] = max(b, latest_end[a])
        earliest_start[b] = min(a, earliest_start[b])
    return np.array(sorted(kept), dtype=np.int64)


def clusters_of(links: Iterable[tuple[Span, Span]], alone: Iterable[Span]) -> list[list[list[int]]]:
    """Sorted clusters of linked mentions, and singletons of the ``alone`` ones without a link.

    >>> clusters_of([((5, 5), (0, 1)), ((8, 8), (5, 5))], alone=[(3, 3), (0, 1)])
    [[[0, 1], [5, 5], [8, 8]], [[3, 3]]]
    """
    cluster_of: dict[Span, list[Span]] = {}
    for left, right in links:
        a, b = cluster_of.setdefault(left, [left]), cluster_of.setdefault(right, [right])
        if a is not b:
            a += b
            for mention in b:
                cluster_of[mention] = a
    for mention in alone:
        cluster_of.setdefault(mention, [mention])
    distinct = {id(cluster): cluster for cluster in cluster_of.values()}
    return sorted(sorted([list(m) for m in cluster]) for cluster in distinct.values())
