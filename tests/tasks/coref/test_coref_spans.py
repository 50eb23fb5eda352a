"""Candidates, pruning and clusters against loops over every span."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from elmobench.data.examples import CoreferenceDocument
from elmobench.tasks.coref.candidates import candidates, clusters_of, keep_best

DOCUMENTS = [
    CoreferenceDocument(
        "a",
        (("x",) * 3, ("x",), ("x",) * 5),
        (((0, 0), (3, 3)), ((0, 2), (4, 8)), ((1, 3),), ((5, 6),)),
    ),
    CoreferenceDocument("b", (("x",) * 4,), (((0, 1), (3, 3)),)),
    CoreferenceDocument("c", (("x",) * 2,), ()),
]


def test_all_spans_of_a_sentence_up_to_a_width() -> None:
    for width in (1, 2, 3, 10):
        found = candidates(DOCUMENTS, width)
        expected, clusters, offset, number = [], [], 0, 0
        for document in DOCUMENTS:
            start = 0
            for sentence in document.sentences:
                for a in range(start, start + len(sentence)):
                    for b in range(a, min(start + len(sentence), a + width)):
                        expected.append((offset + a, offset + b))
                        home = [i for i, c in enumerate(document.clusters) if (a, b) in c]
                        clusters.append(number + home[0] + 1 if home else 0)
                start += len(sentence)
            offset += start
            number += len(document.clusters)
        assert list(zip(found.first.tolist(), found.last.tolist(), strict=True)) == expected
        assert found.cluster.tolist() == clusters
        assert found.tokens.tolist() == [0, 9, 13, 15]
        homes = np.searchsorted(found.tokens, found.first, side="right") - 1
        for i in range(3):
            assert set(homes[found.spans[i] : found.spans[i + 1]].tolist()) == {i}


def crossing(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return a[0] < b[0] <= a[1] < b[1] or b[0] < a[0] <= b[1] < a[1]


spans = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 3)).map(lambda p: (p[0], p[0] + p[1])),
    min_size=1,
    max_size=25,
    unique=True,
)


@given(spans, st.data(), st.integers(1, 10))
def test_the_best_spans_that_do_not_cross(chosen: list, data: st.DataObject, limit: int) -> None:
    chosen = sorted(chosen)
    scores = data.draw(
        st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0]), min_size=len(chosen), max_size=len(chosen))
    )
    first, last = map(list, zip(*chosen, strict=True))
    kept = keep_best(np.array(scores, dtype=np.float32), first, last, limit).tolist()
    expected: list[int] = []
    for i in sorted(range(len(chosen)), key=lambda i: -scores[i]):
        if len(expected) < limit and not any(crossing(chosen[i], chosen[j]) for j in expected):
            expected.append(i)
    assert kept == sorted(expected)
    for i, j in itertools.combinations(kept, 2):
        assert not crossing(chosen[i], chosen[j])


def test_links_make_clusters() -> None:
    links = [((5, 5), (1, 2)), ((9, 9), (7, 8)), ((7, 8), (5, 5)), ((4, 4), (3, 3))]
    found = clusters_of(links, [(6, 6), (9, 9)])
    assert found == [[[1, 2], [5, 5], [7, 8], [9, 9]], [[3, 3], [4, 4]], [[6, 6]]]
    assert clusters_of([], []) == []
