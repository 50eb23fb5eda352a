"""Coreference scores equal to those of the CoNLL reference scorer (8.01), and LEA.

Sources. MUC: Vilain et al. 1995. B³: Bagga and Baldwin 1998. CEAFe: Luo 2005, with φ4. LEA:
Moosavi and Strube 2016. CoNLL average: Pradhan et al. 2012.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from elmobench.core.errors import DataError
from elmobench.metrics.base import Metric, Scores, Tally, ratio

Mention = tuple[int, int]
Cluster = tuple[Mention, ...]
Fractions = tuple[float, float, float, float]
"""Numerator and denominator of recall, then of precision."""


def muc(key: Sequence[Cluster], response: Sequence[Cluster]) -> Fractions:
    """MUC: links of the clusters that remain if the other side partitions them."""
    return *_muc_links(key, _cluster_ids(response)), *_muc_links(response, _cluster_ids(key))


def b_cubed(key: Sequence[Cluster], response: Sequence[Cluster]) -> Fractions:
    """B³: for each mention, the share of its cluster that is in its cluster on the other side."""
    overlaps = _overlaps(key, response)
    return (
        sum(n * n / len(key[i]) for (i, _), n in overlaps.items()),
        float(sum(map(len, key))),
        sum(n * n / len(response[j]) for (_, j), n in overlaps.items()),
        float(sum(map(len, response))),
    )


def ceaf_e(key: Sequence[Cluster], response: Sequence[Cluster]) -> Fractions:
    """CEAFe: the best one-to-one alignment of clusters by φ4 = 2 |K ∩ R| / (|K| + |R|)."""
    from scipy.optimize import linear_sum_assignment

    similarity = np.zeros((len(key), len(response)))
    for (i, j), n in _overlaps(key, response).items():
        similarity[i, j] = 2 * n / (len(key[i]) + len(response[j]))
    rows, columns = linear_sum_assignment(similarity, maximize=True)
    best = float(similarity[rows, columns].sum())
    return best, float(len(key)), best, float(len(response))


def lea(key: Sequence[Cluster], response: Sequence[Cluster]) -> Fractions:
    """LEA: the share of each cluster's links that is found, weighted by the size of the cluster.

    The only link of a singleton is with itself; it is found if the mention is a singleton on the
    other side, too.
    """
    return *_lea_links(key, response), *_lea_links(response, key)


MEASURES: dict[str, Callable[[Sequence[Cluster], Sequence[Cluster]], Fractions]] = {
    "muc": muc,
    "b3": b_cubed,
    "ceafe": ceaf_e,
    "lea": lea,
}
_CONLL = ("muc", "b3", "ceafe")
WITHOUT_SINGLETONS = "_no_singletons"


class Coreference(Metric):
    """Annotations are one list of clusters per document, each a list of mentions [first, last].

    Numerators and denominators are summed over documents. A ratio with denominator 0 is 0 (so MUC
    is 0 if all clusters are singletons). ``conll`` is the mean F1 of MUC, B³ and CEAFe.

    All scores are computed twice: for all clusters, and, under keys that end in
    ``_no_singletons``, after clusters of one mention are removed from gold and predictions.
    """

    name: ClassVar[str] = "coref"
    version: ClassVar[int] = 1
    primary: ClassVar[str] = "conll"

    def compute(self, gold: Sequence[Any], predicted: Sequence[Any]) -> Scores:
        """Scores of all documents together.

        Returns:
            ``values``: ``conll``, and ``muc``, ``b3``, ``ceafe``, ``lea`` (F1) with
            ``_precision`` and ``_recall``; ``mention`` likewise, for mentions without regard to
            their clusters; all in percent, each with and without singletons.

        Raises:
            DataError: for a different number of documents, an empty cluster, or a mention that is
                not [first, last] or appears twice in a document.
        """
        pairs = self._pairs([*self._read(gold, "gold")], predicted)
        no_singletons = [(_without_singletons(k), _without_singletons(r)) for k, r in pairs]
        values = _scores(pairs, "") | _scores(no_singletons, WITHOUT_SINGLETONS)
        return Scores(primary=self.primary, values=values)

    def scorer(self, gold: Sequence[Any]) -> Callable[[Sequence[Any]], float]:
        """See :meth:`Metric.scorer`; LEA, mentions and scores without singletons are left out."""
        keys = [*self._read(gold, "gold")]

        def score(predicted: Sequence[Any]) -> float:
            pairs = self._pairs(keys, predicted)
            f1s = [_f1(*_ratios(MEASURES[name], pairs)) for name in _CONLL]
            return sum(f1s) / len(_CONLL)

        return score

    def _read(self, annotations: Sequence[Any], side: str) -> Iterator[list[Cluster]]:
        for i, clusters in enumerate(annotations):
            yield _clusters(clusters, f"{self.name}, {side} document {i}")

    def _pairs(
        self, keys: Sequence[list[Cluster]], predicted: Sequence[Any]
    ) -> list[tuple[list[Cluster], list[Cluster]]]:
        if len(keys) != len(predicted):
            raise DataError(
                f"{len(keys)} gold documents but {len(predicted)} predictions", where=self.name
            )
        return list(zip(keys, self._read(predicted, "predicted"), strict=True))

    def tally(self, gold: Sequence[Any], systems: Sequence[Sequence[Any]]) -> Tally:
        """See :meth:`Metric.tally`; the counts are the fractions of MUC, B³ and CEAFe."""

        def count(left: Any, right: Any) -> list[float]:
            key, response = _clusters(left, self.name), _clusters(right, self.name)
            return [value for name in _CONLL for value in MEASURES[name](key, response)]

        return self._tally(gold, systems, count, _conll)


def _scores(pairs: Sequence[tuple[list[Cluster], list[Cluster]]], suffix: str) -> dict[str, float]:
    values: dict[str, float] = {}
    for name, measure in {**MEASURES, "mention": _mentions}.items():
        precision, recall = _ratios(measure, pairs)
        values[f"{name}{suffix}"] = _f1(precision, recall)
        values[f"{name}_precision{suffix}"] = precision
        values[f"{name}_recall{suffix}"] = recall
    average = sum(values[f"{name}{suffix}"] for name in _CONLL) / len(_CONLL)
    return {f"conll{suffix}": average, **values}


def _ratios(
    measure: Callable[[Sequence[Cluster], Sequence[Cluster]], Fractions],
    pairs: Sequence[tuple[list[Cluster], list[Cluster]]],
) -> tuple[float, float]:
    """Precision and recall by ``measure``, in percent."""
    sums = np.zeros(4)
    for key, response in pairs:
        sums += measure(key, response)
    recall = 100 * float(sums[0] / sums[1]) if sums[1] else 0.0
    precision = 100 * float(sums[2] / sums[3]) if sums[3] else 0.0
    return precision, recall


def _f1(precision: float, recall: float) -> float:
    both = precision + recall
    return 2 * precision * recall / both if both else 0.0


def _conll(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    fractions = sums.reshape(*sums.shape[:-1], len(_CONLL), 4)
    recall = ratio(fractions[..., 0], fractions[..., 1])
    precision = ratio(fractions[..., 2], fractions[..., 3])
    f1 = ratio(2 * precision * recall, precision + recall) / 100
    return np.asarray(f1.mean(axis=-1))


def _mentions(key: Sequence[Cluster], response: Sequence[Cluster]) -> Fractions:
    common = float(sum(_overlaps(key, response).values()))
    return common, float(sum(map(len, key))), common, float(sum(map(len, response)))


def _cluster_ids(clusters: Sequence[Cluster]) -> dict[Mention, int]:
    """The number of each mention's cluster."""
    return {mention: i for i, cluster in enumerate(clusters) for mention in cluster}


def _overlaps(key: Sequence[Cluster], response: Sequence[Cluster]) -> Counter[tuple[int, int]]:
    """The number of common mentions of each pair of clusters (i, j) that has any."""
    other_ids = _cluster_ids(response)
    return Counter(
        (i, other_ids[mention])
        for i, cluster in enumerate(key)
        for mention in cluster
        if mention in other_ids
    )


def _muc_links(clusters: Sequence[Cluster], other_ids: dict[Mention, int]) -> tuple[float, float]:
    """Return MUC's numerator and denominator for ``clusters``.

    A cluster of n mentions has n - 1 links. Those are lost that join mentions which the other side
    (``other_ids``: mention to its cluster there) has in different clusters.
    """
    remaining = 0
    for cluster in clusters:
        parts = {other_ids[mention] for mention in cluster if mention in other_ids}
        unclustered = sum(mention not in other_ids for mention in cluster)
        remaining += len(cluster) - len(parts) - unclustered
    return float(remaining), float(sum(len(cluster) - 1 for cluster in clusters))


def _lea_links(clusters: Sequence[Cluster], others: Sequence[Cluster]) -> tuple[float, float]:
    """The weighted share of links found, and the sum of the weights."""
    common: Counter[int] = Counter()
    for (i, j), n in _overlaps(clusters, others).items():
        if len(clusters[i]) == 1:
            common[i] += len(others[j]) == 1
        else:
            common[i] += n * (n - 1) // 2
    links = [len(cluster) * (len(cluster) - 1) / 2 or 1.0 for cluster in clusters]
    weighted = sum(len(cluster) * common[i] / links[i] for i, cluster in enumerate(clusters))
    return float(weighted), float(sum(map(len, clusters)))


def _without_singletons(clusters: Sequence[Cluster]) -> list[Cluster]:
    return [cluster for cluster in clusters if len(cluster) > 1]


def _clusters(raw: Any, where: str) -> list[Cluster]:
    """Check the clusters of a document and convert them to tuples."""
    if isinstance(raw, str) or not isinstance(raw, Sequence):
        raise DataError(f"expected a list of clusters, got {raw!r}", where=where)
    clusters: list[Cluster] = []
    seen: set[Mention] = set()
    for cluster in raw:
        if isinstance(cluster, str) or not isinstance(cluster, Sequence) or not cluster:
            raise DataError(f"expected a list of mentions, got {cluster!r}", where=where)
        mentions = []
        for mention in cluster:
            if not isinstance(mention, Sequence) or [type(end) for end in mention] != [int, int]:
                raise DataError(f"a mention is [first, last], got {mention!r}", where=where)
            span = (mention[0], mention[1])
            if span in seen:
                raise DataError(f"the mention {list(span)} appears twice", where=where)
            seen.add(span)
            mentions.append(span)
        clusters.append(tuple(mentions))
    return clusters


COREFERENCE = Coreference()
