from __future__ import annotations

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elmobench.core.errors import DataError
from elmobench.nn.bioul import (
    bio_to_bioul,
    bioul_constraints,
    bioul_tag_to_bio,
    bioul_tags,
)

SPANS = st.lists(
    st.one_of(
        st.integers(1, 3).map(lambda n: ("O", n)),
        st.tuples(st.sampled_from(["PER", "LOC", "X-Y"]), st.integers(1, 4)),
    ),
    max_size=8,
)


def tags_of(spans: list[tuple[str, int]]) -> tuple[list[str], list[str]]:
    """The BIO and the BIOUL tags of the spans."""
    bio, bioul = [], []
    for kind, n in spans:
        if kind == "O":
            bio += ["O"] * n
            bioul += ["O"] * n
        else:
            bio += [f"B-{kind}"] + [f"I-{kind}"] * (n - 1)
            inside = [f"I-{kind}"] * (n - 2)
            bioul += [f"U-{kind}"] if n == 1 else [f"B-{kind}", *inside, f"L-{kind}"]
    return bio, bioul


@given(SPANS)
def test_conversions_are_exact(spans) -> None:
    bio, bioul = tags_of(spans)
    assert bio_to_bioul(bio) == bioul
    assert [bioul_tag_to_bio(tag) for tag in bioul] == bio


@pytest.mark.parametrize(
    "tags", [["I-A"], ["O", "I-A"], ["B-A", "I-B"], ["B-A", "O", "I-A"], ["L-A"], ["X"], ["B-"]]
)
def test_illegal_bio_is_an_error(tags: list[str]) -> None:
    with pytest.raises(DataError):
        bio_to_bioul(tags)


def test_tags_are_closed_under_types() -> None:
    assert bioul_tags(["P", "L", "P"]) == [
        "O", "B-L", "I-L", "L-L", "U-L", "B-P", "I-P", "L-P", "U-P",
    ]  # fmt: skip
    assert bioul_tags([]) == ["O"]


def test_constraints_allow_exactly_the_tags_of_spans() -> None:
    tags = bioul_tags(["A", "B"])
    between, first, last = bioul_constraints(tags)
    pieces = [[(k, n)] for k in ("O", "A", "B") for n in (1, 2, 3)]
    possible = {tuple(tags_of(a + b + c)[1]) for a, b, c in product([[], *pieces], repeat=3)}
    for n in (1, 2, 3):
        for path in product(range(len(tags)), repeat=n):
            legal = bool(first[path[0]]) and bool(last[path[-1]])
            legal &= all(bool(between[i, j]) for i, j in pairwise(path))
            assert legal == (tuple(tags[i] for i in path) in possible)
