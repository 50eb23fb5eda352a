import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.scheme import BILOU, IOBES, Entities

from elmobench.data.tag_schemes import check_shape, detected_scheme, spans, to_bio, violation

Span = tuple[int, int, str]


@st.composite
def layouts(draw: st.DrawFn) -> tuple[int, list[Span]]:
    """A sentence length and disjoint spans, from left to right."""
    gold: list[Span] = []
    position = 0
    for _ in range(draw(st.integers(0, 4))):
        start = position + draw(st.integers(0, 2))
        end = start + draw(st.integers(1, 3))
        gold.append((start, end, draw(st.sampled_from(["PER", "LOC", "creative-work"]))))
        position = end
    return position + draw(st.integers(0, 2)), gold


def bio(length: int, gold: list[Span]) -> list[str]:
    tags = ["O"] * length
    for start, end, kind in gold:
        for i in range(start, end):
            tags[i] = f"{'B' if i == start else 'I'}-{kind}"
    return tags


def bioul(length: int, gold: list[Span]) -> list[str]:
    tags = ["O"] * length
    for start, end, kind in gold:
        for i in range(start, end):
            letter = (
                "U" if end - start == 1 else "B" if i == start else "L" if i == end - 1 else "I"
            )
            tags[i] = f"{letter}-{kind}"
    return tags


def iob1(length: int, gold: list[Span]) -> list[str]:
    tags = ["O"] * length
    for start, end, kind in gold:
        touches = any(other[1] == start and other[2] == kind for other in gold)
        for i in range(start, end):
            tags[i] = f"{'B' if i == start and touches else 'I'}-{kind}"
    return tags


def bioes(length: int, gold: list[Span]) -> list[str]:
    letters = {"L": "E", "U": "S"}
    return [letters.get(tag[0], tag[0]) + tag[1:] for tag in bioul(length, gold)]


def bmewo(length: int, gold: list[Span]) -> list[str]:
    letters = {"I": "M", "L": "E", "U": "W"}
    return [letters.get(tag[0], tag[0]) + tag[1:] for tag in bioul(length, gold)]


@pytest.mark.parametrize(
    ("write", "scheme"),
    [(bio, "bio"), (bioul, "bioul"), (bioes, "bioes"), (bmewo, "bmewo"), (iob1, "iob1")],
)
@given(layout=layouts())
def test_what_is_written_is_allowed_and_read_back(write, scheme, layout):
    length, gold = layout
    tags = write(length, gold)
    assert violation(tags, scheme) is None
    assert all(check_shape(tag, scheme) is None for tag in tags)
    assert list(spans(tags)) == gold
    assert list(to_bio(tags)) == bio(length, gold)


def test_legal_bio_is_exactly_what_spans_can_give():
    legal = set()
    for length in range(5):
        for tags in product(["O", "B-A", "I-A", "B-B", "I-B"], repeat=length):
            if list(to_bio(tags)) == list(tags):
                legal.add(tags)
            assert (violation(tags, "bio") is None) == (tags in legal), tags


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        # As conlleval reads them: I- after O or another type opens a span.
        (["I-A", "I-A", "O", "I-A"], [(0, 2, "A"), (3, 4, "A")]),
        (["B-A", "I-B"], [(0, 1, "A"), (1, 2, "B")]),
        (["I-A", "B-A"], [(0, 1, "A"), (1, 2, "A")]),
    ],
)
def test_illegal_openings_open_spans(tags, expected):
    assert list(spans(tags)) == expected


@pytest.mark.parametrize(
    ("tags", "scheme", "position"),
    [
        (["O", "I-A"], "bio", 1),
        (["B-A", "I-B"], "bio", 1),
        (["B-A"], "iob1", 0),
        (["I-A", "O", "B-A"], "iob1", 2),
        (["B-A", "O"], "bioul", 1),
        (["B-A", "I-A"], "bioul", 2),
        (["L-A"], "bioul", 0),
        (["U-A", "L-A"], "bioul", 1),
        (["B-A", "L-B"], "bioul", 1),
        (["B-A", "O"], "bioes", 1),
        (["B-A", "I-A"], "bioes", 2),
        (["E-A"], "bioes", 0),
        (["S-A", "E-A"], "bioes", 1),
        (["U-A"], "bioes", 0),
        (["O", "S-A"], "bioul", 1),
        (["B-A", "M-A"], "bmewo", 2),
        (["B-A", "I-A"], "bmewo", 1),
        (["O", "M-A"], "bmewo", 1),
        (["W-A", "E-A"], "bmewo", 1),
        (["O", "S-A"], "bmewo", 1),
        (["O", "U-A"], "bio", 1),
    ],
)
def test_violations(tags, scheme, position):
    illegal = violation(tags, scheme)
    assert illegal is not None
    assert illegal[0] == position


@pytest.mark.parametrize("tag", ["PER", "B", "B-", "X-PER", "b-PER", "", "U-PER", "BI-PER"])
def test_shapes_that_are_not_bio(tag):
    assert check_shape(tag, "bio") is not None


def test_plain_tags_have_no_shape():
    assert check_shape("NN", "none") is None
    assert violation(["NN", "I-A"], "none") is None


@given(layout=layouts())
def test_a_scheme_is_detected_by_what_only_it_allows(layout):
    """The detected scheme reads the same spans, and BIO wins where it is legal."""
    length, gold = layout
    for write in (bio, bioul, bioes, bmewo, iob1):
        tags = write(length, gold)
        scheme = detected_scheme([tags])
        assert scheme is not None
        assert violation(tags, scheme) is None
        assert (scheme == "bio") == (list(to_bio(tags)) == tags)


def test_schemes_of_whole_files():
    assert detected_scheme([["I-A", "O"], ["I-A", "B-A"]]) == "iob1"
    assert detected_scheme([["B-A", "I-A"], ["B-A", "E-A"]]) is None
    assert detected_scheme([["S-A"], ["B-A", "E-A"]]) == "bioes"
    assert detected_scheme([["U-A"], ["B-A", "L-A"]]) == "bioul"
    assert detected_scheme([["S-A"], ["U-A"]]) is None
    assert detected_scheme([["W-A"], ["B-A", "M-A", "E-A"]]) == "bmewo"
    assert detected_scheme([["W-A"], ["B-A", "I-A", "E-A"]]) is None
    # An I- after O with a B- after O is legal in none of them.
    assert detected_scheme([["O", "I-A"], ["O", "B-A"]]) is None
    assert detected_scheme([["NN"]]) is None


CLOSED = {"bioul": "BILU", "bioes": "BIES", "bmewo": "BMEW"}
"""Letters of the first, the inner, the last and the only token of a span."""


@pytest.mark.parametrize("scheme", CLOSED)
def test_closed_schemes_on_all_short_sequences(scheme):
    """A regular expression over the whole sequence is the second decoder, and sees no tag twice."""
    first, inner, last, single = CLOSED[scheme]
    span = re.compile(
        f"{single}(?P<single>[ab])|{first}(?P<kind>[ab])(?:{inner}(?P=kind))*{last}(?P=kind)"
    )
    tags = ["O", *(f"{letter}-{kind}" for letter in CLOSED[scheme] for kind in "ab")]
    legal = 0
    for length in range(5):
        for sequence in product(tags, repeat=length):
            text = "".join(tag.replace("-", "") if tag != "O" else "O." for tag in sequence)
            outside = span.sub(lambda match: "." * len(match[0]), text)
            allowed = set(outside) <= set("O.")
            assert (violation(sequence, scheme) is None) == allowed, sequence
            if allowed:
                legal += 1
                expected = [
                    (match.start() // 2, match.end() // 2, match["single"] or match["kind"])
                    for match in span.finditer(text)
                ]
                assert list(spans(sequence)) == expected, sequence
                assert list(to_bio(sequence)) == bio(length, expected), sequence
    assert legal == sum(_layouts(length) for length in range(5))


def _layouts(length):
    """Number of ways to lay out spans of two types: the last token is outside, or ends a span."""
    if length == 0:
        return 1
    return _layouts(length - 1) + 2 * sum(_layouts(shorter) for shorter in range(length))


@pytest.mark.parametrize(("scheme", "seqeval_scheme"), [("bioes", IOBES), ("bioul", BILOU)])
def test_legal_sequences_have_the_spans_of_seqeval(scheme, seqeval_scheme):
    tags = ["O", *(f"{letter}-{kind}" for letter in CLOSED[scheme] for kind in "ab")]
    checked = 0
    for sequence in product(tags, repeat=3):
        if violation(sequence, scheme) is None:
            entities = Entities([list(sequence)], seqeval_scheme).entities[0]
            expected = [(entity.start, entity.end, entity.tag) for entity in entities]
            assert list(spans(sequence)) == expected
            checked += 1
    assert checked == _layouts(3)
